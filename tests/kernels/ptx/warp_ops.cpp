// The interpreter's operations in which threads meet.
#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/simt/fragments.h"
#include "tests/kernels/ptx/arithmetic.h"
#include "tests/kernels/ptx/machine.h"

namespace tern::ptx::internal {
namespace {

constexpr uint32_t kFullMask = 0xffffffffu;

template <class F>
void each_lane(uint32_t lanes, F f) {
  for (unsigned lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1) f(lane);
}

}  // namespace

uint32_t Machine::member_mask(const Thread& thread, const Instruction& in) const {
  switch (in.op) {
    case Opcode::bar_warp: return static_cast<uint32_t>(value(thread, in.source[0]));
    case Opcode::vote: return static_cast<uint32_t>(value(thread, in.source[1]));
    case Opcode::shfl: return static_cast<uint32_t>(value(thread, in.source[3]));
    default: return kFullMask;
  }
}

bool Machine::run_warp_ops(Thread* warp, unsigned lanes) {
  uint32_t alive = 0;
  for (unsigned lane = 0; lane < lanes; ++lane) alive |= uint32_t{!warp[lane].done} << lane;
  bool happened = false;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    const Thread& first = warp[lane];
    if (first.done || !first.waiting) continue;
    const Instruction& in = kernel_.code[static_cast<size_t>(first.pc)];
    if (is_block_barrier(in.op)) continue;
    const uint32_t mask = member_mask(first, in);
    if (!(mask >> lane & 1)) fault(first, in, "mask lacks the caller");
    if ((in.op == Opcode::ldmatrix || in.op == Opcode::mma) && alive != kFullMask)
      fault(first, in, "warp-wide operation with missing lanes");
    bool all_here = true;
    each_lane(mask & alive, [&](unsigned other) {
      all_here = all_here && warp[other].waiting && warp[other].pc == first.pc && member_mask(warp[other], in) == mask;
    });
    if (!all_here) continue;
    execute(warp, mask & alive, in);
    each_lane(mask & alive, [&](unsigned member) {
      warp[member].waiting = false;
      ++warp[member].pc;
    });
    happened = true;
  }
  return happened;
}

// All living threads of the block at one barrier: lets them pass.
bool Machine::pass_block_barrier() {
  int pc = -1;
  for (const Thread& thread : threads_) {
    if (thread.done) continue;
    const Instruction& in = kernel_.code[static_cast<size_t>(thread.pc)];
    if (!thread.waiting || !is_block_barrier(in.op)) return false;
    if (pc >= 0 && thread.pc != pc) fault(thread, in, "divergent block barrier");
    pc = thread.pc;
  }
  const Instruction& in = kernel_.code[static_cast<size_t>(pc)];
  uint64_t count = 0, living = 0;
  for (const Thread& thread : threads_) {
    if (thread.done) continue;
    ++living;
    if (in.op == Opcode::bar_red) count += value(thread, in.source[0]) != 0;
  }
  const uint64_t reduced = in.variant == Variant::popc  ? count
                           : in.variant == Variant::all ? count == living
                                                        : count > 0;
  for (Thread& thread : threads_) {
    if (thread.done) continue;
    if (in.op == Opcode::bar_red) thread.registers[in.result[0].reg] = reduced;
    thread.waiting = false;
    ++thread.pc;
  }
  return true;
}

void Machine::report_stuck() {
  for (const Thread& thread : threads_)
    if (!thread.done)
      fault(thread, kernel_.code[static_cast<size_t>(thread.pc)], "deadlock: no thread can run, this one waits here");
}

void Machine::execute(Thread* warp, uint32_t lanes, const Instruction& in) {
  switch (in.op) {
    case Opcode::bar_warp: return;
    case Opcode::shfl: return execute_shfl(warp, lanes, in);
    case Opcode::vote: return execute_vote(warp, lanes, in);
    case Opcode::ldmatrix: return execute_ldmatrix(warp, in);
    case Opcode::mma: return execute_mma(warp, in);
    default: return;
  }
}

// PTX ISA, shfl.sync: the third operand packs a clamp value (low 5 bits) and a segment mask (bits 8-12).
void Machine::execute_shfl(Thread* warp, uint32_t lanes, const Instruction& in) {
  uint64_t sent[32] = {}, received[32] = {};
  bool in_range[32] = {};
  each_lane(lanes, [&](unsigned lane) { sent[lane] = value(warp[lane], in.source[0]); });
  each_lane(lanes, [&](unsigned lane) {
    const int self = static_cast<int>(lane), operand = static_cast<int>(value(warp[lane], in.source[1]) & 31);
    const auto control = static_cast<int>(value(warp[lane], in.source[2]));
    const int segment = control >> 8 & 31, clamp = control & 31;
    const int last = (self & segment) | (clamp & ~segment), first = self & segment;
    int from = 0;
    switch (in.variant) {
      case Variant::up: from = self - operand, in_range[lane] = from >= last; break;
      case Variant::down: from = self + operand, in_range[lane] = from <= last; break;
      case Variant::bfly: from = self ^ operand, in_range[lane] = from <= last; break;
      default: from = first | (operand & ~segment), in_range[lane] = from <= last; break;
    }
    if (!in_range[lane]) from = self;
    if (!(lanes >> from & 1)) fault(warp[lane], in, "shuffle from an inactive lane");
    received[lane] = sent[from];
  });
  each_lane(lanes, [&](unsigned lane) {
    warp[lane].registers[in.result[0].reg] = received[lane];
    if (in.results > 1) warp[lane].registers[in.result[1].reg] = in_range[lane];
  });
}

void Machine::execute_vote(Thread* warp, uint32_t lanes, const Instruction& in) {
  uint32_t votes = 0;
  each_lane(lanes, [&](unsigned lane) { votes |= uint32_t{value(warp[lane], in.source[0]) != 0} << lane; });
  const uint64_t result = in.variant == Variant::ballot ? votes
                          : in.variant == Variant::all  ? votes == lanes
                                                        : votes != 0;
  each_lane(lanes, [&](unsigned lane) { warp[lane].registers[in.result[0].reg] = result; });
}

void Machine::execute_ldmatrix(Thread* warp, const Instruction& in) {
  ++counts_.ldmatrix;
  for (int index = 0; index < in.results; ++index) {
    uint16_t tile[8][8];
    for (int row = 0; row < 8; ++row) {
      const Thread& owner = warp[index * 8 + row];
      std::memcpy(tile[row], shared(owner, in, address(owner, in.source[0]), 16, Access::read), 16);
    }
    for (int lane = 0; lane < 32; ++lane)
      warp[lane].registers[in.result[index].reg] =
          simt::ldmatrix_register(tile, lane, in.variant == Variant::transposed);
  }
}

void Machine::execute_mma(Thread* warp, const Instruction& in) {
  ++counts_.mma;
  simt::MmaWarp operands;
  for (int lane = 0; lane < 32; ++lane) {
    const auto source = [&](int i) { return value(warp[lane], in.source[i]); };
    for (int reg = 0; reg < 4; ++reg) operands.a[lane][reg] = static_cast<uint32_t>(source(reg));
    for (int reg = 0; reg < 2; ++reg) operands.b[lane][reg] = static_cast<uint32_t>(source(4 + reg));
    for (int reg = 0; reg < 4; ++reg) operands.c[lane][reg] = as_f32(source(6 + reg));
  }
  simt::mma_m16n8k16(operands);
  for (int lane = 0; lane < 32; ++lane)
    for (int reg = 0; reg < 4; ++reg) warp[lane].registers[in.result[reg].reg] = bits_of(operands.c[lane][reg]);
}

}  // namespace tern::ptx::internal
