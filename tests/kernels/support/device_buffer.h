// Device memory with guard zones, filled from and read back to the host. A kernel that writes outside of the buffer, or
// into one that is an input, leaves a violation (device_memory.h) even in builds that can't see the access itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {

enum class Use { input, output };

template <class T>
class DeviceBuffer {
 public:
  // shift: elements by which the data misses 256-byte alignment, to test views into larger tensors.
  DeviceBuffer(std::string name, Use use, std::vector<T> content, size_t shift = 0)
      : name_(std::move(name)), use_(use), content_(std::move(content)), front_(kGuard + shift * sizeof(T)) {
    std::vector<uint8_t> image(total_bytes(), kPattern);
    if (!content_.empty()) std::memcpy(image.data() + front_, content_.data(), data_bytes());
    memory_ = static_cast<uint8_t*>(device_allocate(total_bytes()));
    copy_to_device(memory_, image.data(), image.size());
    protect_range(data(), data_bytes(), name_, use == Use::output);
    poison_guard(memory_, front_);
    poison_guard(memory_ + front_ + data_bytes(), kGuard);
  }
  ~DeviceBuffer() {
    unprotect_range(data());
    unpoison_guard(memory_, front_);
    unpoison_guard(memory_ + front_ + data_bytes(), kGuard);
    check_surroundings();
    device_free(memory_);
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_ + front_); }
  [[nodiscard]] size_t size() const { return content_.size(); }
  [[nodiscard]] std::vector<T> download() const {
    std::vector<T> values(size());
    if (!values.empty()) copy_to_host(values.data(), data(), data_bytes());
    return values;
  }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr uint8_t kPattern = 0xa5;

  [[nodiscard]] size_t data_bytes() const { return content_.size() * sizeof(T); }
  [[nodiscard]] size_t total_bytes() const { return front_ + data_bytes() + kGuard; }

  void check_surroundings() const {
    std::vector<uint8_t> image(total_bytes());
    copy_to_host(image.data(), memory_, image.size());
    const auto intact = [](auto begin, auto end) {
      return std::all_of(begin, end, [](uint8_t b) { return b == kPattern; });
    };
    const auto data_begin = image.begin() + static_cast<std::ptrdiff_t>(front_);
    const auto data_end = data_begin + static_cast<std::ptrdiff_t>(data_bytes());
    if (!intact(image.begin(), data_begin)) add_violation(name_ + ": memory before the buffer was overwritten");
    if (!intact(data_end, image.end())) add_violation(name_ + ": memory behind the buffer was overwritten");
    if (use_ == Use::input && !content_.empty() && std::memcmp(&*data_begin, content_.data(), data_bytes()) != 0)
      add_violation(name_ + ": an input was changed");
  }

  std::string name_;
  Use use_;
  std::vector<T> content_;
  size_t front_;
  uint8_t* memory_;
};

}  // namespace tern::kernels::test
