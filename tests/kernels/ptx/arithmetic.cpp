#include "tests/kernels/ptx/arithmetic.h"

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <type_traits>

namespace tern::ptx {
namespace {

double as_f64(uint64_t bits) {
  return std::bit_cast<double>(bits);
}
uint64_t bits_of_f64(double value) {
  return std::bit_cast<uint64_t>(value);
}

uint32_t bf16_bits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

template <class T>
bool compare(Variant how, T a, T b) {
  const bool unordered = a != a || b != b;
  switch (how) {
    case Variant::eq: return a == b;
    case Variant::ne: return !unordered && a != b;
    case Variant::lt: return a < b;
    case Variant::le: return a <= b;
    case Variant::gt: return a > b;
    case Variant::ge: return a >= b;
    case Variant::equ: return unordered || a == b;
    case Variant::neu: return unordered || a != b;
    case Variant::ltu: return unordered || a < b;
    case Variant::leu: return unordered || a <= b;
    case Variant::gtu: return unordered || a > b;
    case Variant::geu: return unordered || a >= b;
    case Variant::num: return !unordered;
    case Variant::nan: return unordered;
    default: return false;
  }
}

[[noreturn]] void unsupported(const Instruction& instruction) {
  throw Fault("PTX line " + std::to_string(instruction.line) + ": not implemented for this type");
}

template <class T>
T float_arithmetic(const Instruction& instruction, T a, T b, T c) {
  switch (instruction.op) {
    case Opcode::add: return a + b;
    case Opcode::sub: return a - b;
    case Opcode::mul: return a * b;
    case Opcode::fma: return std::fma(a, b, c);
    case Opcode::div: return a / b;
    case Opcode::min: return std::fmin(a, b);
    case Opcode::max: return std::fmax(a, b);
    case Opcode::neg: return -a;
    case Opcode::abs: return std::fabs(a);
    case Opcode::ex2: return std::exp2(a);
    case Opcode::rcp: return T(1) / a;
    case Opcode::sqrt: return std::sqrt(a);
    case Opcode::rsqrt: return T(1) / std::sqrt(a);
    case Opcode::lg2: return std::log2(a);
    case Opcode::copysign: return std::copysign(b, a);  // PTX: the sign comes first
    default: unsupported(instruction);
  }
}

// The same in a directed rounding mode. The volatile copies keep the compiler from moving arithmetic across the switch.
template <class T>
T directed_arithmetic(const Instruction& instruction, T a, T b, T c) {
  const int mode = instruction.rounding == Rounding::zero   ? FE_TOWARDZERO
                   : instruction.rounding == Rounding::down ? FE_DOWNWARD
                                                            : FE_UPWARD;
  std::fesetround(mode);
  const volatile T x = a, y = b, z = c;
  const volatile T result = float_arithmetic<T>(instruction, x, y, z);
  std::fesetround(FE_TONEAREST);
  return result;
}

template <class T>
T rounded_arithmetic(const Instruction& instruction, T a, T b, T c) {
  return instruction.rounding == Rounding::nearest ? float_arithmetic(instruction, a, b, c)
                                                   : directed_arithmetic(instruction, a, b, c);
}

float saturated(float value) {
  return std::fmin(std::fmax(value, 0.0f), 1.0f);  // fmax makes a NaN 0
}

uint64_t integer_arithmetic(const Instruction& in, const uint64_t* s) {
  const unsigned bits = size_of(in.type) * 8;
  const bool is_signed_type = is_signed(in.type);
  const uint64_t a = extend(in.type, s[0]), b = extend(in.type, s[1]);
  const auto signed_a = static_cast<int64_t>(a), signed_b = static_cast<int64_t>(b);
  switch (in.op) {
    case Opcode::add: return a + b;
    case Opcode::sub: return a - b;
    case Opcode::mul: return a * b;
    case Opcode::mad: return a * b + s[2];
    case Opcode::mul_hi:
      if (bits == 32) return is_signed_type ? static_cast<uint64_t>((signed_a * signed_b) >> 32) : (a * b) >> 32;
      return is_signed_type ? static_cast<uint64_t>((static_cast<__int128>(signed_a) * signed_b) >> 64)
                            : static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
    case Opcode::div:
    case Opcode::rem:
      if (b == 0) throw std::domain_error("division by zero");
      if (in.op == Opcode::div) return is_signed_type ? static_cast<uint64_t>(signed_a / signed_b) : a / b;
      return is_signed_type ? static_cast<uint64_t>(signed_a % signed_b) : a % b;
    case Opcode::min: return is_signed_type ? static_cast<uint64_t>(std::min(signed_a, signed_b)) : std::min(a, b);
    case Opcode::max: return is_signed_type ? static_cast<uint64_t>(std::max(signed_a, signed_b)) : std::max(a, b);
    case Opcode::neg: return 0 - a;
    case Opcode::abs: return static_cast<uint64_t>(signed_a < 0 ? -signed_a : signed_a);
    case Opcode::shl: return static_cast<uint32_t>(s[1]) >= bits ? 0 : a << static_cast<uint32_t>(s[1]);
    case Opcode::shr: {
      const uint32_t shift = static_cast<uint32_t>(s[1]);
      if (is_signed_type) return static_cast<uint64_t>(signed_a >> std::min(shift, bits - 1));
      return shift >= bits ? 0 : a >> shift;
    }
    case Opcode::popc: return static_cast<uint64_t>(std::popcount(truncate(in.type, a)));
    case Opcode::clz: return static_cast<uint64_t>(std::countl_zero(truncate(in.type, a))) - (64 - bits);
    default: unsupported(in);
  }
}

uint64_t funnel_shift(const Instruction& in, const uint64_t* s) {
  const uint64_t both = truncate(Type::u32, s[0]) | s[1] << 32;
  const auto amount = static_cast<uint32_t>(s[2]);
  const uint32_t shift = in.variant == Variant::wrap ? amount & 31 : std::min(amount, 32u);
  return in.op == Opcode::shf_l ? (both << shift) >> 32 : both >> shift;
}

uint64_t insert_bits(const uint64_t* s) {
  const auto position = static_cast<uint32_t>(s[2]) & 255, length = static_cast<uint32_t>(s[3]) & 255;
  if (position > 31 || length == 0) return s[1];
  const auto mask = static_cast<uint32_t>((length >= 32 ? ~0ull : (1ull << length) - 1) << position);
  return (s[1] & ~uint64_t{mask}) | (static_cast<uint32_t>(s[0] << position) & mask);
}

uint64_t extract_bits(const Instruction& in, const uint64_t* s) {
  if (in.type != Type::u32) unsupported(in);
  const auto position = static_cast<uint32_t>(s[1]) & 255, length = static_cast<uint32_t>(s[2]) & 255;
  const uint64_t shifted = position > 31 ? 0 : truncate(Type::u32, s[0]) >> position;
  return length >= 32 ? shifted : shifted & ((1ull << length) - 1);
}

// Any function of three bits, given by its truth table.
uint64_t logic(const uint64_t* s) {
  uint64_t result = 0;
  for (unsigned row = 0; row < 8; ++row)
    if (s[3] >> row & 1) result |= (row & 4 ? s[0] : ~s[0]) & (row & 2 ? s[1] : ~s[1]) & (row & 1 ? s[2] : ~s[2]);
  return result;
}

uint64_t permute_bytes(const uint64_t* s) {
  const uint64_t bytes = truncate(Type::u32, s[0]) | s[1] << 32;
  uint64_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const auto selector = static_cast<unsigned>(s[2] >> (4 * i) & 15);
    auto byte = static_cast<uint8_t>(bytes >> (8 * (selector & 7)));
    if (selector & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= uint64_t{byte} << (8 * i);
  }
  return result;
}

template <class T>
T round_to_integral(Variant how, T value) {
  switch (how) {
    case Variant::round_zero: return std::trunc(value);
    case Variant::round_nearest: return std::nearbyint(value);
    case Variant::round_down: return std::floor(value);
    case Variant::round_up: return std::ceil(value);
    default: return value;
  }
}

// Conversions to integers saturate and make a NaN zero.
template <class T>
uint64_t to_integer(Type type, T value) {
  if (value != value) return 0;
  const int bits = static_cast<int>(size_of(type) * 8);
  if (is_signed(type)) {
    const T limit = std::ldexp(T(1), bits - 1);
    if (value >= limit) return ~0ull >> (65 - bits);
    return static_cast<uint64_t>(static_cast<int64_t>(std::max(value, -limit)));
  }
  if (value >= std::ldexp(T(1), bits)) return ~0ull >> (64 - bits);
  return static_cast<uint64_t>(std::max(value, T(0)));
}

uint64_t convert_from_float(const Instruction& in, double value) {
  value = round_to_integral(in.variant, value);
  if (in.type == Type::f64) return bits_of_f64(value);
  if (in.type == Type::f32) {
    const auto narrow = static_cast<float>(value);
    return bits_of(in.saturate ? saturated(narrow) : narrow);
  }
  return to_integer(in.type, value);
}

uint64_t convert(const Instruction& in, const uint64_t* s) {
  if (in.type == Type::bf16x2) return bf16_bits(as_f32(s[1])) | bf16_bits(as_f32(s[0])) << 16;
  if (in.type == Type::bf16) return bf16_bits(as_f32(s[0]));
  switch (in.source_type) {
    case Type::f32: return convert_from_float(in, in.ftz ? flush(as_f32(s[0])) : as_f32(s[0]));
    case Type::f64: return convert_from_float(in, as_f64(s[0]));
    case Type::bf16: return convert_from_float(in, as_f32(s[0] << 16));
    default: break;
  }
  const uint64_t value = extend(in.source_type, s[0]);
  if (in.type == Type::f32)
    return is_signed(in.source_type) ? bits_of(static_cast<float>(static_cast<int64_t>(value)))
                                     : bits_of(static_cast<float>(value));
  if (in.type == Type::f64)
    return is_signed(in.source_type) ? bits_of_f64(static_cast<double>(static_cast<int64_t>(value)))
                                     : bits_of_f64(static_cast<double>(value));
  return value;
}

uint64_t set_predicate(const Instruction& in, const uint64_t* s) {
  bool result;
  if (in.type == Type::f32)
    result = in.ftz ? compare(in.variant, flush(as_f32(s[0])), flush(as_f32(s[1])))
                    : compare(in.variant, as_f32(s[0]), as_f32(s[1]));
  else if (in.type == Type::f64)
    result = compare(in.variant, as_f64(s[0]), as_f64(s[1]));
  else if (is_signed(in.type))
    result =
        compare(in.variant, static_cast<int64_t>(extend(in.type, s[0])), static_cast<int64_t>(extend(in.type, s[1])));
  else
    result = compare(in.variant, extend(in.type, s[0]), extend(in.type, s[1]));
  if (in.combine == Combine::with_and) return result && s[2];
  if (in.combine == Combine::with_or) return result || s[2];
  return result;
}

uint64_t compute(const Instruction& in, const uint64_t* s) {
  switch (in.op) {
    case Opcode::mov: return s[0];
    case Opcode::selp: return s[2] ? s[0] : s[1];
    case Opcode::bit_and: return s[0] & s[1];
    case Opcode::bit_or: return s[0] | s[1];
    case Opcode::bit_xor: return s[0] ^ s[1];
    case Opcode::bit_not: return in.type == Type::pred ? !s[0] : ~s[0];
    case Opcode::setp: return set_predicate(in, s);
    case Opcode::cvt: return convert(in, s);
    case Opcode::mul_wide: return extend(in.type, s[0]) * extend(in.type, s[1]);
    case Opcode::mad_wide: return extend(in.type, s[0]) * extend(in.type, s[1]) + s[2];
    case Opcode::shf_l:
    case Opcode::shf_r: return funnel_shift(in, s);
    case Opcode::bfi: return insert_bits(s);
    case Opcode::bfe: return extract_bits(in, s);
    case Opcode::lop3: return logic(s);
    case Opcode::prmt: return permute_bytes(s);
    default: break;
  }
  if (in.type == Type::f32) {
    const auto value = [&](int i) { return in.ftz ? flush(as_f32(s[i])) : as_f32(s[i]); };
    float result = rounded_arithmetic(in, value(0), value(1), value(2));
    if (in.ftz) result = flush(result);
    return bits_of(in.saturate ? saturated(result) : result);
  }
  if (in.type == Type::f64) return bits_of_f64(rounded_arithmetic(in, as_f64(s[0]), as_f64(s[1]), as_f64(s[2])));
  return integer_arithmetic(in, s);
}

Type result_type(const Instruction& in) {
  if (in.op == Opcode::setp) return Type::pred;
  if (in.op == Opcode::popc || in.op == Opcode::clz) return Type::u32;
  if (in.op != Opcode::mul_wide && in.op != Opcode::mad_wide) return in.type;
  return size_of(in.type) == 2 ? Type::u32 : Type::u64;
}

}  // namespace

float as_f32(uint64_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits));
}
uint64_t bits_of(float value) {
  return std::bit_cast<uint32_t>(value);
}

uint64_t extend(Type type, uint64_t value) {
  switch (type) {
    case Type::s8: return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int8_t>(value)));
    case Type::s16: return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int16_t>(value)));
    case Type::s32: return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    default: return truncate(type, value);
  }
}

uint64_t truncate(Type type, uint64_t value) {
  switch (size_of(type)) {
    case 1: return static_cast<uint8_t>(value);
    case 2: return static_cast<uint16_t>(value);
    case 4: return static_cast<uint32_t>(value);
    default: return value;
  }
}

uint64_t evaluate(const Instruction& instruction, const uint64_t* sources) {
  return truncate(result_type(instruction), compute(instruction, sources));
}

}  // namespace tern::ptx
