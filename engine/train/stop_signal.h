// SIGTERM and SIGINT as a flag that is polled at step boundaries, in start-up and in evaluations.
#pragma once

namespace tern {

// From now on the two signals set the flag instead of ending the process. The first one prints `notice`, a line that
// must live for ever (null: none), on stderr; a SIGINT after it ends the process at once, a SIGTERM after it changes
// nothing (process managers repeat it). Writing into a closed pipe or beyond a file size limit becomes an error of
// write().
void install_stop_signals(const char* notice);

// Number of the first signal that came in, 0: none.
[[nodiscard]] int stop_signal();

// The signal that the ranks of a job agreed on takes the place of this process's own.
void set_stop_signal(int signal);

// 143 for SIGTERM, 130 for SIGINT: the shell's code for a process that the signal ended.
[[nodiscard]] inline int stop_exit_code(int signal) {
  return 128 + signal;
}

}  // namespace tern
