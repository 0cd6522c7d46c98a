#include "kernels/adamw/adamw.h"

#include <fmt/format.h>

#include "kernels/adamw/adamw_cpu.h"
#include "kernels/common/check.h"

namespace tern::kernels {

void adamw_step(std::span<const AdamTensor> tensors, const AdamOptions& options, double eps) {
  check_adam("adamw", tensors, options);
  if (!(eps > 0)) bad_argument("adamw", "eps", "above 0", fmt::format("{}", eps));
  if (tensors.empty()) return;
  const auto run = [&]<class T>() {
    const auto chunks = adam_chunks<T>(tensors);
    with_cpu_level([&]<CpuLevel level>() {
      adamw_cpu<level>(chunks.data(), static_cast<int64_t>(chunks.size()), adam_coefficients(options), eps);
    });
  };
  tensors[0].param.scalar_type() == at::kDouble ? run.operator()<double>() : run.operator()<float>();
}

}  // namespace tern::kernels
