#pragma once

namespace tern::kernels::test {

// Paths of the PTX files of the kernel under test, separated by colons.
const char* ptx_file_list();

}  // namespace tern::kernels::test
