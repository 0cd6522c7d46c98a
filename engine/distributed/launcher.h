// Starts the processes of a job on this machine and looks after them until the last one has ended.
#pragma once

#include <string>
#include <vector>

namespace tern {

struct LaunchOptions {
  std::vector<std::string> command;  // program, looked up in PATH, and its arguments
  int processes = 1;                 // on this machine
  int nodes = 1;                     // machines of the job, each with as many processes
  int node_rank = 0;                 // which of them this one is
  std::string master_addr;           // of machine 0; empty: the loopback, for a job of one machine
  int master_port = 0;               // 0: a free one, for a job of one machine
  double grace = 30;                 // seconds that the others have to end when one has failed, before they are killed
};

// Starts rank node_rank * processes + i with RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and
// MASTER_PORT, and with OMP_NUM_THREADS, where that isn't set, such that the processes share the cores. The first
// process has this one's output; the lines of the others get a prefix "[rank 1] ". SIGTERM and SIGINT go on to every
// process. When this process is killed, the others get SIGTERM.
//
// Returns 0 when every process did, else the exit code of the first one that failed (128 + the signal's number where a
// signal ended it): of those with another code than 6, which follows from the failure of another, and then than 130
// and 143, which are stops. Throws Error(usage) for a program that can't be started, and Error(distributed) for a port
// that is taken.
[[nodiscard]] int launch(const LaunchOptions& options);

}  // namespace tern
