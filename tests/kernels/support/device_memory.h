// Device memory for kernel tests. Two implementations: device_memory_host.cpp for the emulator and the PTX interpreter,
// device_memory_cuda.cu for a real GPU.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tern::kernels::test {

void* device_allocate(size_t bytes);  // 256-byte aligned, as cudaMalloc's
void device_free(void* memory);
void copy_to_device(void* device, const void* host, size_t bytes);
void copy_to_host(void* host, const void* device, size_t bytes);

// Declares a range that kernels may read, and write if `writable`; everything around it is off limits.
void protect_range(const void* begin, size_t bytes, const std::string& name, bool writable);
void unprotect_range(const void* begin);
// Guard zones around a range: poisoned under AddressSanitizer.
void poison_guard(const void* begin, size_t bytes);
void unpoison_guard(const void* begin, size_t bytes);

// What DeviceBuffers found when they died: overwritten guard zones, changed inputs. Empties the list.
std::vector<std::string> take_violations();
void add_violation(std::string text);

}  // namespace tern::kernels::test
