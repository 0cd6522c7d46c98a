#include "tests/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace tern::test {

namespace {

// An open file without a name.
int open_nameless_file() {
  std::string name = (std::filesystem::temp_directory_path() / "tern_output_XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  EXPECT_GE(fd, 0);
  ::unlink(name.c_str());
  return fd;
}

std::string read_from_start(int fd) {
  std::string content;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(content.size()))) > 0;) {
    content.append(buffer.data(), static_cast<size_t>(n));
  }
  return content;
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, const char* folder, const rlimit* file_limit, int out, int err) {
  if (folder[0] != '\0' && ::chdir(folder) != 0) ::_exit(126);
  if (file_limit != nullptr) ::setrlimit(RLIMIT_FSIZE, file_limit);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execvp(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options)
    : out_(open_nameless_file()), err_(open_nameless_file()) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(options.max_file_bytes.value_or(0));
  pid_ = ::fork();
  if (pid_ == 0) become(pointers.data(), options.folder.c_str(), options.max_file_bytes ? &limit : nullptr, out_, err_);
  EXPECT_GT(pid_, 0);
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

void Process::send_signal(int signal) const {
  EXPECT_EQ(::kill(pid_, signal), 0);
}

ProcessResult Process::wait() {
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  const int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {exit_code, read_from_start(out_), read_from_start(err_)};
}

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  return Process(arguments, options).wait();
}

}  // namespace tern::test
