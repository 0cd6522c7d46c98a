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

struct Limits {
  std::optional<rlimit> file;
  std::optional<rlimit> address;
};

std::optional<rlimit> to_limit(const std::optional<int64_t>& bytes) {
  if (!bytes) return std::nullopt;
  return rlimit{static_cast<rlim_t>(*bytes), static_cast<rlim_t>(*bytes)};
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder, const Limits& limits,
                         int out, int err) {
  if (folder[0] != '\0' && ::chdir(folder) != 0) ::_exit(126);
  if (limits.file) ::setrlimit(RLIMIT_FSIZE, &*limits.file);
  if (limits.address) ::setrlimit(RLIMIT_AS, &*limits.address);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(127);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> with_own_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);  // the first of a name counts
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options)
    : out_(open_nameless_file()), err_(open_nameless_file()) {
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<std::string> environment = with_own_environment(options.environment);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const Limits limits{to_limit(options.max_file_bytes), to_limit(options.max_address_bytes)};
  pid_ = ::fork();
  if (pid_ == 0) {
    become(argument_pointers.data(), environment_pointers.data(), options.folder.c_str(), limits, out_, err_);
  }
  EXPECT_GT(pid_, 0);
}

Process::~Process() {
  if (pid_ > 0 && !status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

void Process::send_signal(int signal) const {
  if (!status_) {
    EXPECT_EQ(::kill(pid_, signal), 0);
  }
}

std::string Process::err_so_far() const {
  return read_from_start(err_);
}

bool Process::wait_until(const std::function<bool()>& condition) {
  while (!condition()) {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    if (status_) return condition();
    ::usleep(2000);
  }
  return true;
}

ProcessResult Process::wait() {
  int status = status_.value_or(0);
  if (!status_) {
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  }
  status_ = status;
  const int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {exit_code, read_from_start(out_), read_from_start(err_)};
}

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  return Process(arguments, options).wait();
}

}  // namespace tern::test
