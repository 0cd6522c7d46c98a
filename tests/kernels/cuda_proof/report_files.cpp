#include "tests/kernels/cuda_proof/budget.h"

namespace tern::kernels::test {

const char* report_file_list() {
  return TERN_REPORT_FILES;
}

}  // namespace tern::kernels::test
