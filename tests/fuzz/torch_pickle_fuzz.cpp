// The pickle reader alone: inside a torch.save file its bytes are guarded by a checksum, which a fuzzer rarely hits.
#include <ATen/ops/zeros.h>

#include "base/error.h"
#include "engine/checkpoint/torch_objects.h"

namespace {

c10::Storage small_storage(const std::string&, uint64_t bytes) {
  if (bytes > 4096) throw tern::Error(tern::ErrorKind::checkpoint, "too large for this test");
  return at::zeros({static_cast<int64_t>(bytes)}, at::TensorOptions(at::ScalarType::Byte)).storage();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tern::TorchObjects objects(small_storage);
  tern::Unpickler unpickler({reinterpret_cast<const char*>(data), size}, objects, "fuzz");
  try {
    const tern::PickleRef value = unpickler.load();
    // Every element of a view must be readable; large expanded ones are cut short.
    const auto* tensor = std::get_if<at::Tensor>(&value->data);
    if (tensor != nullptr && tensor->numel() < 100'000) (void)tensor->clone();
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
