#include "tests/support/fake_cuda.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace tern::test {
namespace {

int current_device = 0;

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
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return getStream(stream.device()); }
  c10::DeviceIndex deviceCount() const noexcept override { return 2; }
  void* getStreamNativeHandle(const c10::Stream stream) const override {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(stream.id()));
  }
};

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
