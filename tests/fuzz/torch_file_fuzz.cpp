// Whole torch.save files: zip structure, records, pickle, tensors.
#include "base/error.h"
#include "engine/checkpoint/torch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const tern::TorchFile file = tern::parse_torch_file({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    for (const auto& [name, tensor] : file.tensors) {
      if (tensor.numel() < 100'000) (void)tensor.clone();
    }
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
