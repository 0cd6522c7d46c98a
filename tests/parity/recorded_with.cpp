#include "tests/parity/recorded_with.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>

namespace tern {

RecordedWith recorded_with(const nlohmann::ordered_json& trace) {
  RecordedWith with;
  if (!trace.contains("recorded_with")) return with;
  const auto& recorded = trace.at("recorded_with");
  if (recorded.contains("threads")) with.threads = {recorded.at("threads").get<int>()};
  if (recorded.contains("cpu_capability")) with.cpu_capability = recorded.at("cpu_capability").get<std::string>();
  for (char& c : with.cpu_capability) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return with;
}

void use_instructions(const std::string& cpu_capability, char** argv) {
  constexpr const char* variable = "ATEN_CPU_CAPABILITY";
  if (std::getenv(variable) != nullptr) return;
  setenv(variable, cpu_capability.c_str(), 1);
  execv("/proc/self/exe", argv);  // where this fails, the processor's own instructions serve
}

}  // namespace tern
