// A loop over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tern::text {

// Calls work(worker, index) once for every index below count, on up to `threads` threads (worker is 0 to threads - 1,
// and one worker's calls don't overlap). Returns when all are done; the first exception is thrown again then, and no
// new items are started after it.
void parallel_for(int threads, size_t count, const std::function<void(size_t worker, size_t index)>& work);

}  // namespace tern::text
