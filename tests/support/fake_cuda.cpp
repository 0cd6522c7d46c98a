#include "tests/support/fake_cuda.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <stdexcept>
#include <utility>
#include <vector>

namespace at {
namespace {

// What autograd asks before it runs a graph on a GPU. Pinned memory is plain memory.
class FakeHooks final : public CUDAHooksInterface {
 public:
  explicit FakeHooks(CUDAHooksArgs) {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 2; }
  Allocator* getPinnedMemoryAllocator() const override { return c10::GetCPUAllocator(); }
};
C10_REGISTER_TYPED_CLASS(CUDAHooksRegistry, "CUDAHooks", FakeHooks)

}  // namespace
}  // namespace at

namespace tern::test {
namespace {

thread_local int current_device = 0;

class FakeCuda final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return at::kCUDA; }
  c10::Device exchangeDevice(c10::Device device) const override {
    const c10::Device old = getDevice();
    setDevice(device);
    return old;
  }
  c10::Device getDevice() const override { return {at::kCUDA, static_cast<c10::DeviceIndex>(current_device)}; }
  void setDevice(c10::Device device) const override { current_device = device.index(); }
  void uncheckedSetDevice(c10::Device device) const noexcept override { current_device = device.index(); }
  c10::Stream getStream(c10::Device device) const noexcept override {
    return c10::Stream(c10::Stream::UNSAFE, device, 0x100 + device.index());
  }
  c10::Stream getDefaultStream(c10::Device device) const override { return getStream(device); }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return getStream(stream.device()); }
  void synchronizeStream(const c10::Stream&) const override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 2; }
  void* getStreamNativeHandle(const c10::Stream stream) const override {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(stream.id()));
  }
};

// An op's arguments as host tensors over the same memory, and its results back.
class OnHost {
 public:
  explicit OnHost(const c10::OperatorHandle& op) : op_(op) {}

  c10::IValue to_host(const c10::IValue& value) {
    if (value.isTensor()) return host_of(value.toTensor());
    if (value.isDevice()) return c10::Device(at::kCPU);
    if (value.isTensorList()) {
      std::vector<at::Tensor> list;
      for (const at::Tensor& one : value.toTensorVector()) list.push_back(host_of(one));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& one : value.toOptionalTensorVector()) {
        list.push_back(one ? std::optional(host_of(*one)) : std::nullopt);
      }
      return list;
    }
    return value;
  }

  [[nodiscard]] c10::IValue from_host(const c10::IValue& value) const {
    if (value.isTensor()) return device_of(value.toTensor());
    if (!value.isTensorList()) return value;
    std::vector<at::Tensor> list;
    for (const at::Tensor& one : value.toTensorVector()) list.push_back(device_of(one));
    return list;
  }

 private:
  at::Tensor host_of(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (tensor.dim() > 0) refuse_mix(tensor.is_cuda());
    if (!tensor.is_cuda()) return tensor;
    at::Tensor host = at::for_blob(tensor.data_ptr(), tensor.sizes())
                          .strides(tensor.strides())
                          .deleter([tensor](void*) {})
                          .options(tensor.options().device(at::kCPU))
                          .target_device(at::Device(at::kCPU))
                          .resizeable_storage()
                          .allocator(c10::GetCPUAllocator())
                          .make_tensor();
    if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) host.unsafeGetTensorImpl()->set_wrapped_number(true);
    moved_.emplace_back(host, tensor);
    return host;
  }

  // In-place and out= ops return one of their arguments.
  [[nodiscard]] at::Tensor device_of(const at::Tensor& host) const {
    if (!host.defined()) return host;
    for (const auto& [copy, original] : moved_) {
      if (copy.is_same(host)) return follow(original, copy);
    }
    return as_cuda(host, current_device);
  }

  // An out= op gives an output of the wrong size new memory.
  static at::Tensor follow(const at::Tensor& original, const at::Tensor& copy) {
    if (copy.sizes() != original.sizes() || copy.data_ptr() != original.data_ptr()) {
      original.unsafeGetTensorImpl()->shallow_copy_from(as_cuda(copy, original.device().index()).getIntrusivePtr());
    }
    return original;
  }

  void refuse_mix(bool is_cuda) {
    const std::string& name = op_.schema().operator_name().name;
    (is_cuda ? seen_cuda_ : seen_cpu_) = true;
    if (seen_cuda_ && seen_cpu_ && name != "aten::copy_" && name != "aten::_copy_from") {
      throw std::runtime_error(name + " got tensors on the CPU and on a GPU");
    }
  }

  const c10::OperatorHandle& op_;
  std::vector<std::pair<at::Tensor, at::Tensor>> moved_;  // host, original
  bool seen_cuda_ = false, seen_cpu_ = false;
};

void run_on_host(const c10::OperatorHandle& op, c10::Stack* stack) {
  OnHost host(op);
  const size_t arguments = op.schema().arguments().size(), results = op.schema().returns().size();
  for (size_t i = stack->size() - arguments; i < stack->size(); ++i) (*stack)[i] = host.to_host((*stack)[i]);
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  for (size_t i = stack->size() - results; i < stack->size(); ++i) (*stack)[i] = host.from_host((*stack)[i]);
}

TORCH_LIBRARY_IMPL(_, CUDA, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

// A product of bfloat16 matrices added to a float32 one, which ATen has for GPUs only.
at::Tensor& widening_addmm(const at::Tensor& self, const at::Tensor& a, const at::Tensor& b, at::ScalarType dtype,
                           const at::Scalar& beta, const at::Scalar& alpha, at::Tensor& out) {
  return out.copy_(self.to(dtype).mul(beta).add(a.to(dtype).mm(b.to(dtype)), alpha));
}

// One kernel of ATen serves copy_ on every device, so that the fallback above is never asked.
TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("addmm.dtype_out", widening_addmm);
  library.impl("copy_", torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

}  // namespace

void install_fake_cuda() {
  static FakeCuda fake;
  c10::impl::device_guard_impl_registry[static_cast<size_t>(at::kCUDA)].store(&fake);
}

void* fake_stream_handle(int device) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(0x100 + device));
}

int fake_current_device() {
  return current_device;
}

at::Tensor as_cuda(const at::Tensor& host, int device) {
  const at::Device target(at::kCUDA, static_cast<c10::DeviceIndex>(device));
  return at::for_blob(host.data_ptr(), host.sizes())
      .strides(host.strides())
      .deleter([host](void*) {})
      .options(host.options().device(target))
      .target_device(target)
      .make_tensor();
}

}  // namespace tern::test
