#include "engine/distributed/environment.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "base/error.h"

namespace tern {

namespace {

constexpr const char* kFix = "start the processes with tern_launch, torchrun or srun, or set it yourself";

class Variables {
 public:
  explicit Variables(const GetVariable& get) : get_(get) {}

  [[nodiscard]] bool has(const char* name) const { return get_(name) != nullptr; }

  [[nodiscard]] std::string text(const char* name) const {
    const char* value = get_(name);
    if (value == nullptr || *value == '\0') {
      throw Error(ErrorKind::usage, std::string(name) + " is not set", "environment", kFix);
    }
    return value;
  }

  [[nodiscard]] int number(const char* name, int smallest, int largest) const {
    const std::string value = text(name);
    int result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size() || result < smallest || result > largest) {
      throw Error(ErrorKind::usage, std::string(name) + " is '" + value + "'", "environment",
                  "it has to be a number from " + std::to_string(smallest) + " to " + std::to_string(largest));
    }
    return result;
  }

  [[nodiscard]] int number_or(const char* name, int smallest, int largest, int otherwise) const {
    return has(name) ? number(name, smallest, largest) : otherwise;
  }

 private:
  const GetVariable& get_;
};

constexpr int kMaxRanks = 1 << 20;
constexpr int kMaxPort = 65535;
constexpr int kMaxSeconds = 7 * 24 * 3600;

// Jobs on one machine get ports of their own.
int port_of_job(int64_t job) {
  return kDefaultPort + static_cast<int>(job % 1000);
}

ProcessEnvironment from_torchrun(const Variables& variables) {
  ProcessEnvironment result;
  result.world_size = variables.number("WORLD_SIZE", 1, kMaxRanks);
  result.rank = result.world_size == 1 ? variables.number_or("RANK", 0, 0, 0)
                                       : variables.number("RANK", 0, result.world_size - 1);
  result.local_rank = variables.number_or("LOCAL_RANK", 0, kMaxRanks, result.rank);
  if (result.world_size == 1) return result;
  result.master_addr = variables.text("MASTER_ADDR");
  result.master_port = variables.number("MASTER_PORT", 1, kMaxPort);
  if (result.rank == 0 && variables.has("TERN_LISTEN_FD")) {
    result.listen_fd = variables.number("TERN_LISTEN_FD", 0, std::numeric_limits<int>::max());
  }
  return result;
}

ProcessEnvironment from_slurm(const Variables& variables) {
  ProcessEnvironment result;
  const char* tasks = variables.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  result.world_size = variables.number_or(tasks, 1, kMaxRanks, 1);
  result.rank = variables.number("SLURM_PROCID", 0, result.world_size - 1);
  result.local_rank = variables.number_or("SLURM_LOCALID", 0, kMaxRanks, 0);
  if (result.world_size == 1) return result;
  const char* hosts = variables.has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST";
  result.master_addr = variables.has("MASTER_ADDR") ? variables.text("MASTER_ADDR") : first_host(variables.text(hosts));
  const int job = variables.number_or("SLURM_JOB_ID", 0, std::numeric_limits<int>::max(), 0);
  result.master_port = variables.number_or("MASTER_PORT", 1, kMaxPort, port_of_job(job));
  return result;
}

}  // namespace

std::string first_host(const std::string& host_list) {
  std::string host;
  for (size_t i = 0; i < host_list.size() && host_list[i] != ','; ++i) {
    if (host_list[i] != '[') {
      host += host_list[i];
      continue;
    }
    const size_t end = host_list.find_first_of(",-]", i + 1);  // of the first number
    host += host_list.substr(i + 1, end == std::string::npos ? end : end - i - 1);
    i = host_list.find(']', i);
    if (i == std::string::npos) break;
  }
  return host;
}

ProcessEnvironment read_process_environment(const GetVariable& get) {
  const Variables variables(get);
  ProcessEnvironment result;
  if (variables.has("WORLD_SIZE")) {
    result = from_torchrun(variables);
  } else if (variables.has("RANK")) {
    throw Error(ErrorKind::usage, "RANK is set and WORLD_SIZE is not", "environment", kFix);
  } else if (variables.has("SLURM_STEP_ID") && variables.has("SLURM_PROCID")) {  // not the batch script itself
    result = from_slurm(variables);
  }
  result.rendezvous_timeout = variables.number_or("TERN_RENDEZVOUS_TIMEOUT", 1, kMaxSeconds, 300);
  result.collective_timeout = variables.number_or("TERN_COLLECTIVE_TIMEOUT", 1, kMaxSeconds, 600);
  return result;
}

ProcessEnvironment read_process_environment() {
  return read_process_environment([](const char* name) { return std::getenv(name); });
}

}  // namespace tern
