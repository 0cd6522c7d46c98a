#include "tests/kernels/cuda_proof/ptx_files.h"

namespace tern::kernels::test {

const char* ptx_file_list() {
  return TERN_PTX_FILES;
}

}  // namespace tern::kernels::test
