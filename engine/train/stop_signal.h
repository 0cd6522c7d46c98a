// SIGTERM and SIGINT as a flag that is polled at step boundaries, in start-up and in evaluations.
#pragma once

namespace tern {

// From now on the two signals set the flag instead of ending the process.
void install_stop_signals();

// Number of the signal that came in, 0: none.
[[nodiscard]] int stop_signal();

// 143 for SIGTERM, 130 for SIGINT: the shell's code for a process that the signal ended.
[[nodiscard]] inline int stop_exit_code(int signal) { return 128 + signal; }

}  // namespace tern
