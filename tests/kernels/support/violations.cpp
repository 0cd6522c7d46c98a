#include <utility>

#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

std::vector<std::string> violations;

}  // namespace

std::vector<std::string> take_violations() {
  return std::exchange(violations, {});
}
void add_violation(std::string text) {
  violations.push_back(std::move(text));
}

}  // namespace tern::kernels::test
