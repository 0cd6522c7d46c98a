#include "kernels/adam_atan2/adam_atan2.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarTypeToTypeMeta.h>

#include "kernels/adam_atan2/adam_atan2_cpu.h"
#include "kernels/adam_atan2/adam_atan2_cuda.h"
#include "kernels/common/cuda_dispatch.h"

namespace tern::kernels {
namespace {

template <class T>
void root_in_place(T* values, int64_t size) {
  at::Tensor view = at::from_blob(values, {size}, at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value));
  view.sqrt_();
}

}  // namespace

void adam_atan2_step(std::span<const AdamTensor> tensors, const AdamOptions& options, Angle angle) {
  check_adam("adam_atan2", tensors, options);
  if (tensors.empty()) return;
  const AdamCoefficients c = adam_coefficients(options);
  if (tensors[0].param.is_cuda()) {
    const CudaScope scope(tensors[0].param);
    cuda_kernels<AdamATan2Cuda>("adam_atan2")
        .step(adam_pointers(tensors), adam_constants(c), static_cast<float>(c.inv_correction2), scope.stream());
    mark_stepped(tensors);
    return;
  }
  const auto run = [&]<class T>() {
    const auto chunks = adam_chunks<T>(tensors);
    with_cpu_level([&]<CpuLevel level>() {
      if constexpr (std::is_same_v<T, float>) {
        if (angle == Angle::fast) {
          return adam_atan2_fast_cpu<level>(chunks.data(), static_cast<int64_t>(chunks.size()), c);
        }
      }
      adam_atan2_cpu<level>(chunks.data(), static_cast<int64_t>(chunks.size()), c, root_in_place<T>);
    });
  };
  tensors[0].param.scalar_type() == at::kDouble ? run.operator()<double>() : run.operator()<float>();
  mark_stepped(tensors);
}

}  // namespace tern::kernels
