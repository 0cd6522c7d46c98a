// MKL picks the kernels of matrix products and vector functions by the processor's vendor, and their last bits differ.
// The traces were recorded on AMD processors, and a chaotic one can only be followed with the same kernels: so the
// parity programs answer MKL's questions about the vendor as an AMD Zen would. What is left then on an Intel processor
// is the square root, which MKL approximates from an instruction whose bits are each vendor's own. A replay that strays
// is tried again with the root of AVX-512, which is exact, and then with the processor's own kernels.
#pragma once

#include <string>

namespace tern {

// Which of these this process computes with.
[[nodiscard]] std::string mkl_kernels();

// Starts the program again (argv is its command line) with the next of them; does nothing after the last, and on a
// processor that isn't Intel's, where there is one only.
void retry_with_other_kernels(char** argv);

}  // namespace tern
