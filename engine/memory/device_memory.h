// How much of a GPU's memory tensors take.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace tern {

// The most bytes that tensors of this process had on the device at one time; 0 for a CPU, whose tensors are part of the
// process's memory.
[[nodiscard]] uint64_t peak_device_bytes(at::Device device);

}  // namespace tern
