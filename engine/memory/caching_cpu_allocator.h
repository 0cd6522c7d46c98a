// LibTorch's allocator for tensors on the CPU, with a BlockCache for the large ones.
#pragma once

namespace tern {

// From now on tensors of 128 KB and more come from a BlockCache of the process, smaller ones from LibTorch's own
// allocator as before. Where the system has no more memory the error is LibTorch's own. Calling it again does nothing.
void install_caching_cpu_allocator();

}  // namespace tern
