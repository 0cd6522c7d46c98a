// A process started with an environment and a process group of its own, whose output may be read line by line.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tern {

struct ChildOptions {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  // beside this process's own
  std::optional<int> inherited_fd;                 // stays open in the child
  bool capture = false;  // its stdout and stderr come through pipes; false: they are this process's
};

struct ChildProcess {
  pid_t pid = -1;
  int out = -1;  // read ends, non-blocking; -1: not captured
  int err = -1;
};

// The child leads a process group, so that a Ctrl-C reaches it only through this process, has no signals blocked, and
// gets SIGTERM when this process dies. Throws Error(usage) naming the program when it can't be run.
[[nodiscard]] ChildProcess start_child(const ChildOptions& options);

}  // namespace tern
