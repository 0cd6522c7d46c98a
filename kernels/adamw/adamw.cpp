#include "kernels/adamw/adamw.h"

#include <fmt/format.h>

#include "kernels/adamw/adamw_cpu.h"
#include "kernels/adamw/adamw_cuda.h"
#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"

namespace tern::kernels {

void adamw_step(std::span<const AdamTensor> tensors, const AdamOptions& options, double eps) {
  check_adam("adamw", tensors, options);
  if (!(eps > 0)) bad_argument("adamw", "eps", "above 0", fmt::format("{}", eps));
  if (tensors.empty()) return;
  const AdamCoefficients c = adam_coefficients(options);
  if (tensors[0].param.is_cuda()) {
    const CudaScope scope(tensors[0].param);
    cuda_kernels<AdamWCuda>("adamw").step(adam_pointers(tensors), adam_constants(c),
                                          static_cast<float>(c.inv_correction2), static_cast<float>(eps),
                                          scope.stream());
    mark_stepped(tensors);
    return;
  }
  const auto run = [&]<class T>() {
    const auto chunks = adam_chunks<T>(tensors);
    with_cpu_level(
        [&]<CpuLevel level>() { adamw_cpu<level>(chunks.data(), static_cast<int64_t>(chunks.size()), c, eps); });
  };
  tensors[0].param.scalar_type() == at::kDouble ? run.operator()<double>() : run.operator()<float>();
  mark_stepped(tensors);
}

}  // namespace tern::kernels
