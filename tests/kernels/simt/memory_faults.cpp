#include "kernels/simt/tile_ops.h"
#include "tests/kernels/simt/faults.h"

namespace tern::kernels::test {
namespace {

constexpr int kThreads = kFaultThreads;
constexpr size_t kDynamicBytes = kThreads * sizeof(float);

__global__ void static_shared_overrun(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  s[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void dynamic_shared_overrun(float* y) {
  SIMT_DYN_SHARED(raw);
  float* s = reinterpret_cast<float*>(raw);
  s[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
// One part of dynamic shared memory runs into the next; only the red zone between them shows it.
__global__ void shared_part_overrun(float* y) {
  SIMT_DYN_SHARED(raw);
  float* first = reinterpret_cast<float*>(raw);
  float* second = first + 16 + simt::kSharedRedzone / sizeof(float);
  simt::shared_redzone(first + 16);
  if (threadIdx.x < 17) first[threadIdx.x] = 1;
  __syncthreads();
  if (threadIdx.x >= 1 && threadIdx.x < 16) second[threadIdx.x] = first[threadIdx.x];
  y[threadIdx.x] = first[0];
}
__global__ void global_write_overrun(float* y) {
  y[threadIdx.x + 1] = 1;
}
__global__ void global_read_overrun(float* y) {
  const float next = y[threadIdx.x + 1];
  if (threadIdx.x == 0) y[0] = next;
}
__global__ void write_to_input(float* y) {
  y[threadIdx.x] = 1;
}
__global__ void misaligned_vector(float* y) {
  *reinterpret_cast<uint4*>(y + 1) = uint4{0, 0, 0, 0};
}
__global__ void uninitialised_shared(float* y) {
  SIMT_SHARED_ARRAY(float, s, kThreads);
  if (threadIdx.x < 100) s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void shared_from_last_block(float* y) {
  SIMT_SHARED(float, s);
  if (blockIdx.x == 0 && threadIdx.x == 0) s = 1;
  __syncthreads();
  if (threadIdx.x == 0) y[blockIdx.x] = s;
}
__global__ void stack_overflow(float* y) {
  volatile float big[80000];
  for (int i = 0; i < 80000; ++i) big[i] = 1;
  y[threadIdx.x] = big[threadIdx.x];
}
__global__ void harmless(float* y) {
  y[threadIdx.x] = 1;
}

}  // namespace

std::vector<Fault> memory_faults() {
  const char* asan = "ERROR: AddressSanitizer";
  const char* config = "invalid launch configuration";
  const FaultLaunch dynamic{.shared_bytes = kDynamicBytes};
  return {
      {"static_shared_overrun", fault_run(static_shared_overrun), nullptr, nullptr, "index 128 out of bounds"},
      {"dynamic_shared_overrun", fault_run(dynamic_shared_overrun, dynamic), nullptr, nullptr, asan},
      {"shared_part_overrun", fault_run(shared_part_overrun, dynamic), nullptr, nullptr, asan},
      {"global_write_overrun", fault_run(global_write_overrun), "memory behind the buffer was overwritten",
       "memory behind the buffer was overwritten", asan},
      {"global_read_overrun", fault_run(global_read_overrun), nullptr, nullptr, asan},
      {"write_to_input", fault_run(write_to_input, {.use = Use::input}), "y: an input was changed",
       "y: an input was changed", "y: an input was changed"},
      {"misaligned_vector", fault_run(misaligned_vector), nullptr, nullptr, "misaligned address"},
      {"uninitialised_shared", fault_run(uninitialised_shared), nullptr, "read of uninitialised shared memory",
       nullptr},
      {"shared_from_last_block", fault_run(shared_from_last_block, {.grid = 2}), nullptr,
       "read of uninitialised shared memory", nullptr},
      {"stack_overflow", fault_run(stack_overflow), "signal 11", "signal 11", asan},
      {"too_many_threads", fault_run(harmless, {.block = 1025}), config, config, config},
      {"too_much_shared_memory", fault_run(harmless, {.shared_bytes = 228 << 10}), config, config, config},
      {"empty_grid", fault_run(harmless, {.grid = dim3(0)}), config, config, config},
      {"grid_y_too_large", fault_run(harmless, {.grid = dim3(1, 65536)}), config, config, config},
  };
}

}  // namespace tern::kernels::test
