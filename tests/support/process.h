// Runs programs as a user would, and looks at what they print and how they end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tern::test {

struct ProcessOptions {
  std::filesystem::path folder;                         // working directory; empty: the caller's
  std::optional<int64_t> max_file_bytes;                // writes beyond fail, as on a full disk
  std::optional<int64_t> max_address_bytes = {};        // allocations beyond fail
  std::map<std::string, std::string> environment = {};  // added to the caller's
};

struct ProcessResult {
  int exit_code = 0;  // 128 + signal when a signal ended the process
  std::string out;
  std::string err;
};

// A running child. stdout and stderr go to files until wait() reads them. Killed if still running when destroyed.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send_signal(int signal) const;
  // What it wrote to stderr so far.
  [[nodiscard]] std::string err_so_far() const;
  // Waits until condition holds or the process has ended; returns whether the condition holds.
  bool wait_until(const std::function<bool()>& condition);
  ProcessResult wait();

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;  // of waitpid, once it has ended
  int out_ = -1;
  int err_ = -1;
};

// Runs to the end. arguments[0] is the program, looked up in PATH unless it holds a slash.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace tern::test
