// Executes one launch of a PTX kernel on the CPU.
//
// An independent check of what the fiber emulation can't see: the inline PTX, its operand order and constraints,
// address conversions, and the compiler's work. Every access is checked for bounds, alignment, uninitialised shared
// memory and copies in flight. A lane runs to its next collective; a collective happens when all lanes of its mask that
// are alive wait at it. Not covered: races, local memory, calls, mma shapes other than m16n8k16 with bf16, barriers
// with counts.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "kernels/simt/runtime.h"
#include "tests/kernels/ptx/module.h"

namespace tern::ptx {

struct Counts {
  uint64_t instructions = 0, mma = 0, ldmatrix = 0, async_copies = 0;
};

// params and geometry come from the launch; global memory is what is registered with the emulator. Throws Fault.
Counts run(const Module& module, const Kernel& kernel, const simt::Launch& launch);

namespace internal {

struct AsyncCopy {
  uint64_t shared, global;
  unsigned bytes, valid;
};

struct Thread {
  uint64_t* registers;
  int pc;
  bool done, waiting;
  uint32_t special[13];
  std::vector<AsyncCopy> open_copies;
  std::deque<std::vector<AsyncCopy>> copy_groups;
};

class Machine {
 public:
  Machine(const Module& module, const Kernel& kernel, const simt::Launch& launch);
  Counts run();

 private:
  // machine.cpp
  void run_block(dim3 block_index);
  void start_threads(dim3 block_index);
  void run_thread(Thread& thread);  // until a collective or the end
  void step(Thread& thread, const Instruction& in);
  void load(Thread& thread, const Instruction& in);
  void store(Thread& thread, const Instruction& in);
  void unpack(Thread& thread, const Instruction& in);
  void update(Thread& thread, const Instruction& in);
  void issue_copy(Thread& thread, const Instruction& in);
  void wait_copies(Thread& thread, const Instruction& in);
  void leave(Thread& thread, const Instruction& in);
  [[nodiscard]] uint64_t value(const Thread& thread, const Operand& operand) const;
  [[nodiscard]] uint64_t address(const Thread& thread, const Operand& operand) const;
  enum class Access { read, write };
  uint8_t* memory(const Thread& thread, const Instruction& in, Space space, uint64_t at, unsigned bytes, Access access);
  uint8_t* shared(const Thread& thread, const Instruction& in, uint64_t at, unsigned bytes, Access access);
  uint8_t* global(const Thread& thread, const Instruction& in, uint64_t at, unsigned bytes, Access access);
  [[noreturn]] void fault(const Thread& thread, const Instruction& in, const std::string& what) const;

  // warp_ops.cpp
  bool run_warp_ops(Thread* warp, unsigned lanes);  // true if a collective happened
  bool pass_block_barrier();
  [[nodiscard]] uint32_t member_mask(const Thread& thread, const Instruction& in) const;
  void execute(Thread* warp, uint32_t lanes, const Instruction& in);
  void execute_shfl(Thread* warp, uint32_t lanes, const Instruction& in);
  void execute_vote(Thread* warp, uint32_t lanes, const Instruction& in);
  void execute_ldmatrix(Thread* warp, const Instruction& in);
  void execute_mma(Thread* warp, const Instruction& in);
  void report_stuck();

  const Module& module_;
  const Kernel& kernel_;
  const simt::Launch& launch_;
  unsigned threads_per_block_;
  std::vector<uint64_t> registers_;
  std::vector<Thread> threads_;
  std::vector<uint8_t> shared_, shared_written_;
  const simt::GlobalBuffer* last_buffer_ = nullptr;
  Counts counts_;
};

}  // namespace internal
}  // namespace tern::ptx
