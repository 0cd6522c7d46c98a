// Which process of a job this one is and where the processes meet, as torchrun, tern_launch and SLURM's srun say it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tern {

struct ProcessEnvironment {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;       // among the processes of this machine: the index of its GPU
  std::string master_addr;  // of rank 0, which hosts the rendezvous; empty with one process
  int master_port = 0;
  std::optional<int> listen_fd;     // a listening socket on that port that rank 0 inherited from its launcher
  double rendezvous_timeout = 300;  // seconds for all processes to meet
  double collective_timeout = 600;  // seconds that a process may keep the others waiting
};

// Value of an environment variable, or null.
using GetVariable = std::function<const char*(const char*)>;

// RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT. Without RANK and WORLD_SIZE, inside a step that srun
// started: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID, the first host of SLURM_STEP_NODELIST and a port out of
// SLURM_JOB_ID, where MASTER_ADDR and MASTER_PORT don't say otherwise. Without either: one process.
// TERN_RENDEZVOUS_TIMEOUT and TERN_COLLECTIVE_TIMEOUT are seconds. Throws Error(usage) naming the variable that is
// missing, no number, or out of range.
[[nodiscard]] ProcessEnvironment read_process_environment(const GetVariable& get);
[[nodiscard]] ProcessEnvironment read_process_environment();

// The first name of a SLURM host list: "gpu[03-07,11],login" is gpu03.
[[nodiscard]] std::string first_host(const std::string& host_list);

// Host and port that run jobs of tern_launch without --master-addr and --master-port.
inline constexpr const char* kLoopback = "127.0.0.1";
inline constexpr int kDefaultPort = 29500;  // torchrun's

}  // namespace tern
