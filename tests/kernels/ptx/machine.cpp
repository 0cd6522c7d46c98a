#include "tests/kernels/ptx/machine.h"

#include <algorithm>
#include <cstring>

#include "tests/kernels/ptx/arithmetic.h"

namespace tern::ptx {

Counts run(const Module& module, const Kernel& kernel, const simt::Launch& launch) {
  return internal::Machine(module, kernel, launch).run();
}

namespace internal {
namespace {

constexpr uint64_t kUnwrittenRegister = 0xdeadbeefdeadbeefull;

}  // namespace

Machine::Machine(const Module& module, const Kernel& kernel, const simt::Launch& launch)
    : module_(module),
      kernel_(kernel),
      launch_(launch),
      threads_per_block_(launch.block.x * launch.block.y * launch.block.z) {
  if (launch.params.size() != kernel.param_bytes)
    throw Fault(kernel.name + ": " + std::to_string(launch.params.size()) +
                " bytes of parameters given, PTX declares " + std::to_string(kernel.param_bytes));
  registers_.resize(size_t{threads_per_block_} * static_cast<size_t>(kernel.registers));
  threads_.resize(threads_per_block_);
}

Counts Machine::run() {
  for (unsigned z = 0; z < launch_.grid.z; ++z)
    for (unsigned y = 0; y < launch_.grid.y; ++y)
      for (unsigned x = 0; x < launch_.grid.x; ++x) run_block(dim3(x, y, z));
  return counts_;
}

void Machine::start_threads(dim3 block_index) {
  const size_t shared_bytes = module_.static_shared_bytes() + launch_.shared_bytes;
  shared_.assign(shared_bytes, 0xff);
  shared_written_.assign(shared_bytes, 0);
  std::fill(registers_.begin(), registers_.end(), kUnwrittenRegister);
  const dim3 block = launch_.block, grid = launch_.grid;
  for (unsigned i = 0; i < threads_per_block_; ++i) {
    Thread& thread = threads_[i];
    thread.registers = &registers_[size_t{i} * static_cast<size_t>(kernel_.registers)];
    thread.pc = 0;
    thread.done = thread.waiting = false;
    thread.open_copies.clear();
    thread.copy_groups.clear();
    const uint32_t special[13] = {
        i % block.x,   i / block.x % block.y, i / block.x / block.y, block.x, block.y, block.z,
        block_index.x, block_index.y,         block_index.z,         grid.x,  grid.y,  grid.z,
        i % 32};
    std::copy(std::begin(special), std::end(special), thread.special);
  }
}

void Machine::run_block(dim3 block_index) {
  start_threads(block_index);
  for (;;) {
    bool progress = false;
    for (unsigned first = 0; first < threads_per_block_; first += 32) {
      const unsigned lanes = std::min(32u, threads_per_block_ - first);
      do {
        for (unsigned lane = 0; lane < lanes; ++lane) {
          Thread& thread = threads_[first + lane];
          if (!thread.done && !thread.waiting) run_thread(thread);
        }
      } while (run_warp_ops(&threads_[first], lanes) && (progress = true));
    }
    if (std::all_of(threads_.begin(), threads_.end(), [](const Thread& thread) { return thread.done; })) return;
    if (!pass_block_barrier() && !progress) report_stuck();
  }
}

void Machine::fault(const Thread& thread, const Instruction& in, const std::string& what) const {
  const uint32_t* s = thread.special;
  throw Fault(kernel_.name + " PTX line " + std::to_string(in.line) + " block (" + std::to_string(s[6]) + "," +
              std::to_string(s[7]) + "," + std::to_string(s[8]) + ") thread (" + std::to_string(s[0]) + "," +
              std::to_string(s[1]) + "," + std::to_string(s[2]) + "): " + what);
}

uint64_t Machine::value(const Thread& thread, const Operand& operand) const {
  uint64_t result = operand.immediate;
  if (operand.kind == Operand::Kind::reg) result = thread.registers[operand.reg];
  if (operand.kind == Operand::Kind::special) result = thread.special[operand.reg];
  return operand.negated ? !result : result;
}

uint64_t Machine::address(const Thread& thread, const Operand& operand) const {
  return (operand.kind == Operand::Kind::reg ? thread.registers[operand.reg] : 0) + operand.immediate;
}

uint8_t* Machine::shared(const Thread& thread, const Instruction& in, uint64_t at, unsigned bytes, Access access) {
  at = static_cast<uint32_t>(at);
  if (at % bytes != 0) fault(thread, in, "misaligned shared access");
  if (at + bytes > shared_.size()) fault(thread, in, "shared access out of bounds");
  if (access == Access::write)
    std::memset(&shared_written_[at], 1, bytes);
  else if (std::memchr(&shared_written_[at], 0, bytes))
    fault(thread, in, "read of uninitialised shared memory or of a copy in flight");
  return &shared_[at];
}

uint8_t* Machine::global(const Thread& thread, const Instruction& in, uint64_t at, unsigned bytes, Access access) {
  if (at % bytes != 0) fault(thread, in, "misaligned global access");
  const auto holds = [&](const simt::GlobalBuffer& buffer) { return at >= buffer.begin && at + bytes <= buffer.end; };
  if (!last_buffer_ || !holds(*last_buffer_)) {
    const auto buffers = simt::global_buffers();
    const auto found = std::find_if(buffers.begin(), buffers.end(), holds);
    if (found == buffers.end()) fault(thread, in, "global access outside every buffer");
    last_buffer_ = &*found;
  }
  if (access == Access::write && !last_buffer_->writable)
    fault(thread, in, "write to read-only buffer " + last_buffer_->name);
  return reinterpret_cast<uint8_t*>(at);
}

uint8_t* Machine::memory(const Thread& thread, const Instruction& in, Space space, uint64_t at, unsigned bytes,
                         Access access) {
  // Generic addresses of shared memory are its offsets; no global buffer can lie there.
  if (space == Space::generic) space = at < shared_.size() ? Space::shared : Space::global;
  return space == Space::shared ? shared(thread, in, at, bytes, access) : global(thread, in, at, bytes, access);
}

void Machine::run_thread(Thread& thread) {
  while (!thread.done) {
    const Instruction& in = kernel_.code[static_cast<size_t>(thread.pc)];
    ++counts_.instructions;
    if (in.guard >= 0 && (thread.registers[in.guard] != 0) == in.guard_negated) {
      ++thread.pc;
    } else if (is_collective(in.op)) {
      thread.waiting = true;
      return;
    } else if (in.op == Opcode::bra) {
      thread.pc = in.target;
    } else {
      step(thread, in);
      ++thread.pc;
    }
  }
}

void Machine::step(Thread& thread, const Instruction& in) {
  switch (in.op) {
    case Opcode::fence: return;
    case Opcode::ret: return leave(thread, in);
    case Opcode::ld_param:
    case Opcode::ld: return load(thread, in);
    case Opcode::st: return store(thread, in);
    case Opcode::mov_unpack: return unpack(thread, in);
    case Opcode::atomic: return update(thread, in);
    case Opcode::cp_async: return issue_copy(thread, in);
    case Opcode::cp_commit:
      thread.copy_groups.emplace_back(std::move(thread.open_copies));
      thread.open_copies.clear();
      return;
    case Opcode::cp_wait: return wait_copies(thread, in);
    default: break;
  }
  uint64_t sources[10];
  for (int i = 0; i < in.sources; ++i) sources[i] = value(thread, in.source[i]);
  uint64_t result = 0;
  if (in.op == Opcode::mov_pack) {
    const unsigned bits = size_of(in.type) * 8 / static_cast<unsigned>(in.sources);
    for (int i = 0; i < in.sources; ++i)
      result |= (sources[i] & (~0ull >> (64 - bits))) << (static_cast<unsigned>(i) * bits);
  } else {
    try {
      result = evaluate(in, sources);
    } catch (const std::domain_error& error) {
      fault(thread, in, error.what());
    }
  }
  thread.registers[in.result[0].reg] = result;
}

void Machine::unpack(Thread& thread, const Instruction& in) {
  const unsigned bits = size_of(in.type) * 8 / static_cast<unsigned>(in.results);
  const uint64_t whole = value(thread, in.source[0]);
  for (int i = 0; i < in.results; ++i)
    thread.registers[in.result[i].reg] = (whole >> (static_cast<unsigned>(i) * bits)) & (~0ull >> (64 - bits));
}

void Machine::load(Thread& thread, const Instruction& in) {
  const unsigned width = size_of(in.type), bytes = width * static_cast<unsigned>(in.results);
  const uint64_t at = address(thread, in.source[0]);
  const uint8_t* from;
  if (in.op == Opcode::ld_param) {
    if (at + bytes > launch_.params.size()) fault(thread, in, "parameter out of bounds");
    from = reinterpret_cast<const uint8_t*>(launch_.params.data()) + at;
  } else {
    from = memory(thread, in, in.space, at, bytes, Access::read);
  }
  for (int i = 0; i < in.results; ++i) {
    uint64_t loaded = 0;
    std::memcpy(&loaded, from + width * static_cast<unsigned>(i), width);
    // A narrow signed load fills the whole register; nothing reads more than 64 bits of it.
    thread.registers[in.result[i].reg] = extend(in.type, loaded);
  }
}

void Machine::store(Thread& thread, const Instruction& in) {
  const int count = in.sources - 1;
  const unsigned width = size_of(in.type), bytes = width * static_cast<unsigned>(count);
  uint8_t* to = memory(thread, in, in.space, address(thread, in.source[0]), bytes, Access::write);
  for (int i = 0; i < count; ++i) {
    const uint64_t stored = value(thread, in.source[1 + i]);
    std::memcpy(to + width * static_cast<unsigned>(i), &stored, width);
  }
}

void Machine::update(Thread& thread, const Instruction& in) {
  const unsigned bytes = size_of(in.type);
  const uint64_t at = address(thread, in.source[0]);
  const uint8_t* readable = memory(thread, in, in.space, at, bytes, Access::read);
  uint64_t old = 0;
  std::memcpy(&old, readable, bytes);
  const uint64_t sources[3] = {old, value(thread, in.source[1]), 0};
  Instruction operation = in;
  operation.op = in.variant == Variant::max ? Opcode::max : Opcode::add;
  const uint64_t updated = in.variant == Variant::exch ? sources[1] : evaluate(operation, sources);
  std::memcpy(memory(thread, in, in.space, at, bytes, Access::write), &updated, bytes);
  if (in.results > 0) thread.registers[in.result[0].reg] = old;
}

void Machine::issue_copy(Thread& thread, const Instruction& in) {
  const auto bytes = static_cast<unsigned>(value(thread, in.source[2]));
  const unsigned valid = in.sources > 3 ? static_cast<unsigned>(value(thread, in.source[3])) : bytes;
  const uint64_t to = static_cast<uint32_t>(address(thread, in.source[0]));
  shared(thread, in, to, bytes, Access::write);
  std::memset(&shared_written_[to], 0, bytes);  // nobody may look before the wait
  thread.open_copies.push_back({to, address(thread, in.source[1]), bytes, valid});
  ++counts_.async_copies;
}

void Machine::wait_copies(Thread& thread, const Instruction& in) {
  while (thread.copy_groups.size() > value(thread, in.source[0])) {
    for (const AsyncCopy& copy : thread.copy_groups.front()) {
      uint8_t* to = shared(thread, in, copy.shared, copy.bytes, Access::write);
      std::memset(to, 0, copy.bytes);
      if (copy.valid > 0) std::memcpy(to, global(thread, in, copy.global, copy.bytes, Access::read), copy.valid);
    }
    thread.copy_groups.pop_front();
  }
}

void Machine::leave(Thread& thread, const Instruction& in) {
  if (!thread.open_copies.empty() || !thread.copy_groups.empty())
    fault(thread, in, "exit with pending cp.async copies");
  thread.done = true;
}

}  // namespace internal
}  // namespace tern::ptx
