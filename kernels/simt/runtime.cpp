#include "kernels/simt/runtime.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "kernels/simt/block.h"
#include "kernels/simt/race_detector.h"

namespace tern::simt {
namespace {

using internal::Block;

constexpr unsigned kMaxThreadsPerBlock = 1024;
constexpr unsigned kMaxGridYZ = 65535;
constexpr size_t kMaxSharedBytes = 227 << 10;  // sm_90 and sm_100; smaller GPUs are the static checks' business
constexpr size_t kMaxParamBytes = 4096;
constexpr size_t kFindingsShown = 8;

Engine current_engine;
std::vector<GlobalBuffer> buffers;
uint32_t next_serial = 1;

Block& device_block() {
  static Block block;  // keeps stacks and arena from launch to launch
  return block;
}

void check_configuration(const Launch& launch) {
  const uint64_t threads = uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const char* wrong = nullptr;
  if (threads == 0 || threads > kMaxThreadsPerBlock) wrong = "threads per block";
  if (blocks == 0 || launch.grid.y > kMaxGridYZ || launch.grid.z > kMaxGridYZ) wrong = "grid";
  if (launch.shared_bytes > kMaxSharedBytes) wrong = "dynamic shared memory";
  if (launch.params.size() > kMaxParamBytes) wrong = "parameters";
  if (!wrong) return;
  const auto text = [](dim3 d) { return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z); };
  throw Failure(launch.name + ": invalid launch configuration (" + wrong + "): grid " + text(launch.grid) + ", block " +
                text(launch.block) + ", " + std::to_string(launch.shared_bytes) + " bytes of dynamic shared memory, " +
                std::to_string(launch.params.size()) + " bytes of parameters");
}

// In which order the blocks of a launch run: any is legal on a GPU.
std::vector<uint64_t> block_order(uint64_t blocks, unsigned seed) {
  std::vector<uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), uint64_t{0});
  if (seed != 0) std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  return order;
}

void throw_findings(const std::string& kernel, std::vector<std::string> findings) {
  if (findings.empty()) return;
  std::string message = kernel + ": " + std::to_string(findings.size()) + " finding(s):";
  for (size_t i = 0; i < findings.size() && i < kFindingsShown; ++i) message += "\n  " + findings[i];
  throw Failure(message);
}

}  // namespace

void set_engine(Engine engine) {
  current_engine = std::move(engine);
}

void dispatch(const Launch& launch) {
  if (self) throw Failure(launch.name + ": launched from within a kernel");
  check_configuration(launch);
  if (current_engine)
    current_engine(launch);
  else
    run_on_fibers(launch);
}

void run_on_fibers(const Launch& launch) {
  Block& block = device_block();
  internal::race_launch_begins(next_serial);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  for (const uint64_t i : block_order(blocks, internal::schedule().seed)) {
    internal::run_block(block, launch, i, next_serial++);
    if (!block.error.empty()) {
      block.findings.clear();
      throw Failure(launch.name + ": " + block.error);
    }
  }
  throw_findings(launch.name, std::exchange(block.findings, {}));
}

void register_global(const void* begin, size_t bytes, std::string name, bool writable) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  buffers.push_back({address, address + bytes, std::move(name), writable});
  internal::race_watch(begin, bytes);
}

void unregister_global(const void* begin) {
  std::erase_if(buffers,
                [&](const GlobalBuffer& buffer) { return buffer.begin == reinterpret_cast<uintptr_t>(begin); });
  internal::race_unwatch(begin);
}

std::span<const GlobalBuffer> global_buffers() {
  return buffers;
}

Stats take_stats() {
  return std::exchange(device_block().stats, Stats{});
}

}  // namespace tern::simt
