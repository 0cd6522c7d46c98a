// PTX as the interpreter holds it: decoded instructions over numbered 64-bit registers.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace tern::ptx {

// Something that the program may not do (out of bounds, uninitialised, divergent), or PTX outside of the subset that
// the interpreter knows. The text names the kernel and the PTX line.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Type : uint8_t { none, pred, u8, u16, u32, u64, s8, s16, s32, s64, bf16, bf16x2, f32, f64 };
unsigned size_of(Type type);  // bytes
constexpr bool is_signed(Type type) {
  return type >= Type::s8 && type <= Type::s64;
}
constexpr bool is_float(Type type) {
  return type == Type::f32 || type == Type::f64;
}

enum class Opcode : uint8_t {
  // arithmetic: one result from up to four values (arithmetic.cpp)
  add,
  sub,
  mul,
  mul_hi,
  mul_wide,
  mad,
  mad_wide,
  fma,
  div,
  rem,
  min,
  max,
  neg,
  abs,
  bit_and,
  bit_or,
  bit_xor,
  bit_not,
  shl,
  shr,
  shf_l,
  shf_r,
  mov,
  cvt,
  setp,
  selp,
  ex2,
  rcp,
  sqrt,
  rsqrt,
  lg2,
  copysign,
  bfi,
  bfe,
  popc,
  clz,
  lop3,
  prmt,
  // moves between registers of different size, memory, control (machine.cpp)
  mov_pack,
  mov_unpack,
  ld_param,
  ld,
  st,
  atomic,
  bra,
  ret,
  fence,
  cp_async,
  cp_commit,
  cp_wait,
  // operations in which threads meet (warp_ops.cpp)
  bar_sync,
  bar_red,
  bar_warp,
  shfl,
  vote,
  ldmatrix,
  mma,
};
constexpr bool is_collective(Opcode op) {
  return op >= Opcode::bar_sync;
}
constexpr bool is_block_barrier(Opcode op) {
  return op == Opcode::bar_sync || op == Opcode::bar_red;
}

enum class Space : uint8_t { generic, global, shared };

// What the mnemonic's suffixes say. One field per opcode family; the others ignore it.
enum class Variant : uint8_t {
  none,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  equ,
  neu,
  ltu,
  leu,
  gtu,
  geu,
  num,
  nan,  // setp
  round_nearest,
  round_zero,
  round_down,
  round_up,  // cvt to an integral value
  index,
  up,
  down,
  bfly,  // shfl
  any,
  all,
  ballot,
  popc,  // vote, bar.red
  add,
  max,
  exch,        // atom, red
  transposed,  // ldmatrix
  wrap,
  clamp,  // shf
};
enum class Rounding : uint8_t { nearest, zero, down, up };  // of float arithmetic
enum class Combine : uint8_t { none, with_and, with_or };   // setp.lt.and

struct Operand {
  enum class Kind : uint8_t { reg, immediate, special };
  Kind kind = Kind::immediate;
  bool negated = false;    // !%p1
  int reg = -1;            // register or special number; for an address its base, -1 without one
  uint64_t immediate = 0;  // value; for an address its offset
};

struct Instruction {
  Opcode op = Opcode::fence;
  Type type = Type::u32, source_type = Type::u32;
  Space space = Space::generic;
  Variant variant = Variant::none;
  Combine combine = Combine::none;
  Rounding rounding = Rounding::nearest;
  bool ftz = false;
  bool saturate = false;  // float result into [0, 1], NaN to 0
  int8_t results = 0, sources = 0;
  int guard = -1;  // predicate register
  bool guard_negated = false;
  int target = -1;  // of a branch
  int line = 0;
  Operand result[4];
  Operand source[10];
};

struct Kernel {
  std::string name;
  std::vector<Instruction> code;
  int registers = 0;
  std::map<std::string, uint64_t> params;  // name -> offset
  uint64_t param_bytes = 0;
};

}  // namespace tern::ptx
