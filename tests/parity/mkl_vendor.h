// MKL picks the kernels of matrix products and vector functions by the processor's vendor, and their last bits differ.
// The traces were recorded on AMD processors, and a chaotic one can only be followed with the same kernels: so the
// parity programs answer MKL's questions about the vendor, as for an AMD Zen unless they were started again without.
// What is left then on an Intel processor is the approximate reciprocal root, whose bits are each vendor's own.
#pragma once

#include <string>

namespace tern {

// "as on AMD" or "of this processor".
[[nodiscard]] std::string mkl_kernels();

// Starts the program again (argv is its command line) with this processor's own kernels. Does nothing where it runs
// with them.
void retry_with_own_kernels(char** argv);

}  // namespace tern
