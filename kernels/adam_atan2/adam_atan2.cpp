#include "kernels/adam_atan2/adam_atan2.h"

#include "kernels/adam_atan2/adam_atan2_cpu.h"

namespace tern::kernels {

void adam_atan2_step(std::span<const AdamTensor> tensors, const AdamOptions& options) {
  check_adam("adam_atan2", tensors, options);
  if (tensors.empty()) return;
  const auto run = [&]<class T>() {
    const auto chunks = adam_chunks<T>(tensors);
    with_cpu_level([&]<CpuLevel level>() {
      adam_atan2_cpu<level>(chunks.data(), static_cast<int64_t>(chunks.size()), adam_coefficients(options));
    });
  };
  tensors[0].param.scalar_type() == at::kDouble ? run.operator()<double>() : run.operator()<float>();
}

}  // namespace tern::kernels
