// A log file that survives a full disk: what can't be written now waits in memory and goes out with a later append.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tern {

// Not thread-safe. Every append reaches the operating system before it returns (a killed process loses nothing), and is
// whole or absent in the file: a write that stops half-way is taken back.
class AppendFile {
 public:
  enum class Sharing {
    shared,
    exclusive,  // no other process may append: Error(data) when one does
  };

  // Opens or makes the file. Throws Error(data) with the reason.
  AppendFile(std::filesystem::path path, Sharing sharing);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Returns whether everything appended so far is in the file. Past 64 MB of waiting text the newest is given up.
  bool append(std::string_view text);

  // Tries again to write what is waiting; returns whether everything is in the file now.
  bool flush() { return append({}); }

  // Flushes and makes the text durable; false when something is still waiting or the disk reports an error.
  bool sync();

  // A second descriptor of the file, to be closed by the caller: waiting for the disk with it holds up no append. -1
  // when the process has no descriptor left.
  [[nodiscard]] int duplicate() const;

  // Why the last append or sync failed: "No space left on device".
  [[nodiscard]] const std::string& reason() const { return reason_; }
  // Bytes given up because too much was waiting.
  [[nodiscard]] uint64_t lost_bytes() const { return lost_bytes_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  bool write_waiting();

  std::filesystem::path path_;
  int fd_ = -1;
  off_t size_ = 0;       // bytes of whole appends in the file
  std::string waiting_;  // not in the file yet
  std::string reason_;
  uint64_t lost_bytes_ = 0;
};

}  // namespace tern
