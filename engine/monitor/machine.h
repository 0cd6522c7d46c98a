// The machine a run happens on, for its report, and the memory this process uses.
#pragma once

#include <cstdint>
#include <string>

namespace tern {

struct MachineInfo {
  std::string cpu = {};
  int cores = 0;              // physical
  int threads = 0;            // hardware threads this process may use
  uint64_t memory_bytes = 0;  // of the machine
  std::string os = {};        // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  std::string compiler = {};  // "GCC 12.2.0"
  std::string tern = {};      // "0.1.0 (1234567)": version and, where built from a clone, the commit
  std::string libtorch = {};  // filled in by whoever knows; empty: not shown
  std::string gpu = {};       // "2 x NVIDIA H100 80GB HBM3"; empty: none
};

// What can be found out about this machine; fields that can't be read stay empty or zero. No host or user name: reports
// get passed on.
[[nodiscard]] MachineInfo machine_info();

// Memory of this process in RAM now, and the most it ever was, in bytes; 0 where /proc isn't readable.
[[nodiscard]] uint64_t resident_bytes();
[[nodiscard]] uint64_t peak_resident_bytes();

}  // namespace tern
