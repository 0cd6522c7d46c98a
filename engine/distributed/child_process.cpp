#include "engine/distributed/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace tern {

namespace {

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorKind::distributed, std::string("no pipe for a rank's output: ") + std::strerror(errno), "",
                "raise the limit of open files");
  }
  return {ends[0], ends[1]};
}

void close_end(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  return all;
}

struct ChildView {
  char* const* arguments;
  char* const* environment;
  pid_t parent;
  int inherited_fd;
  int out, err;  // -1: as they are
  int failure;   // gets errno when the program can't be run
};

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const ChildView& view) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != view.parent) ::_exit(128 + SIGTERM);  // it died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (view.inherited_fd >= 0) ::fcntl(view.inherited_fd, F_SETFD, 0);
  if (view.out >= 0) ::dup2(view.out, STDOUT_FILENO);
  if (view.err >= 0) ::dup2(view.err, STDERR_FILENO);
  ::execvpe(view.arguments[0], view.arguments, view.environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(view.failure, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

ChildProcess start_child(const ChildOptions& options) {
  const std::vector<std::string> environment = merged_environment(options.environment);
  const std::vector<char*> arguments = pointers_to(options.command);
  const std::vector<char*> variables = pointers_to(environment);
  Pipe out, err, failure = make_pipe();
  if (options.capture) {
    out = make_pipe();
    err = make_pipe();
  }
  const ChildView view{arguments.data(), variables.data(), ::getpid(),   options.inherited_fd.value_or(-1),
                       out.write,        err.write,        failure.write};
  ChildProcess child;
  child.pid = ::fork();
  if (child.pid == 0) become(view);
  int error = child.pid < 0 ? errno : 0;
  for (int* end : {&out.write, &err.write, &failure.write}) close_end(*end);
  if (child.pid > 0 && ::read(failure.read, &error, sizeof error) > 0) ::waitpid(child.pid, nullptr, 0);
  close_end(failure.read);
  if (error != 0) {
    close_end(out.read);
    close_end(err.read);
    throw Error(ErrorKind::usage, std::string("can't start the program: ") + std::strerror(error), options.command[0],
                "give its path, or a name that is in PATH");
  }
  for (const int fd : {out.read, err.read}) {
    if (fd >= 0) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  child.out = out.read;
  child.err = err.read;
  return child;
}

}  // namespace tern
