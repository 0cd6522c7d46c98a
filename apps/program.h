// What every program has in common: --help, --version, and errors as one line and an exit code.
#pragma once

#include <functional>

namespace tern {

// Calls body and returns its exit code. An Error becomes "error: what, where, what to do" on stderr and the exit code
// of its kind; running out of memory becomes exit code 7; anything else is reported in one line with exit code 1.
int run_program(const std::function<int()>& body);

}  // namespace tern
