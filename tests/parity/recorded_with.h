// With what a trace was recorded. Its last bits depend on the vector instructions and, in matrix products whose long
// sums are divided, on the number of threads.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tern {

// What is assumed of a trace that doesn't say: AVX2, and one thread or two.
struct RecordedWith {
  std::string cpu_capability = "avx2";
  std::vector<int> threads = {1, 2};
};

// From the trace's "recorded_with": {"cpu_capability", "threads"}, both optional.
[[nodiscard]] RecordedWith recorded_with(const nlohmann::ordered_json& trace);

// Makes this program compute with those instructions, if the processor has them. ATen reads them from the environment
// (ATEN_CPU_CAPABILITY) when it is loaded, so the program starts itself again, once; a value that the caller has set
// stays.
void use_instructions(const std::string& cpu_capability, char** argv);

}  // namespace tern
