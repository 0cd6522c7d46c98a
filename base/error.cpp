#include "base/error.h"

namespace tern {

namespace {

std::string join(const std::string& what, const std::string& where, const std::string& fix) {
  std::string message = what;
  if (!where.empty()) message += ", " + where;
  if (!fix.empty()) message += ", " + fix;
  return message;
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::data: return 3;
    case ErrorKind::checkpoint: return 4;
    case ErrorKind::diverged: return 5;
    case ErrorKind::distributed: return 6;
    case ErrorKind::out_of_memory: return 7;
  }
  return 1;
}

Error::Error(ErrorKind kind, const std::string& what, const std::string& where, const std::string& fix)
    : std::runtime_error(join(what, where, fix)), kind_(kind) {}

void check_failed(const char* expression, const char* file, int line, const std::string& detail) {
  throw std::logic_error(std::string("internal check failed: ") + expression + " (" + detail + ") at " + file + ":" +
                         std::to_string(line));
}

}  // namespace tern
