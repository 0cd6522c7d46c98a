// Single instructions against values worked out from the PTX manual. Parsed from text, so that decoding is tested too.
#include "tests/kernels/ptx/arithmetic.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/kernels/ptx/module.h"

namespace tern::ptx {
namespace {

// Result of one instruction "op %d, %a, ..." for source values in the registers' bits.
uint64_t result(const std::string& mnemonic, std::vector<uint64_t> sources) {
  static const char* names[] = {"%a", "%b", "%c", "%e"};
  std::string text = ".visible .entry k()\n{\n.reg .b64 %d, %a, %b, %c, %e;\n" + mnemonic + " %d";
  for (size_t i = 0; i < sources.size(); ++i) text += std::string(", ") + names[i];
  const Module module = Module::parse(text + ";\nret;\n}\n");
  sources.resize(4);
  return evaluate(module.kernel("k").code[0], sources.data());
}
uint64_t f32(float value) {
  return std::bit_cast<uint32_t>(value);
}
uint64_t f64(double value) {
  return std::bit_cast<uint64_t>(value);
}
uint64_t s32(int32_t value) {
  return static_cast<uint32_t>(value);
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kSubnormal = 1e-40f;

TEST(PtxArithmetic, Integers) {
  EXPECT_EQ(result("add.s32", {s32(-1), 1}), 0u);
  EXPECT_EQ(result("sub.s32", {0, 1}), 0xffffffffu);
  EXPECT_EQ(result("mul.lo.s32", {s32(-3), 5}), s32(-15));
  EXPECT_EQ(result("mul.hi.u32", {0x80000000u, 4}), 2u);
  EXPECT_EQ(result("mul.hi.s32", {s32(-1), 5}), s32(-1));
  EXPECT_EQ(result("mul.wide.s32", {s32(-2), 3}), static_cast<uint64_t>(-6));
  EXPECT_EQ(result("mul.wide.u32", {0xffffffffu, 2}), 0x1fffffffeull);
  EXPECT_EQ(result("mul.wide.u16", {0xffffu, 0xffffu}), 0xfffe0001u);
  EXPECT_EQ(result("mad.lo.s32", {3, 4, s32(-12)}), 0u);
  EXPECT_EQ(result("mad.wide.s32", {s32(-2), 3, 10}), 4u);
  EXPECT_EQ(result("div.s32", {s32(-7), 2}), s32(-3));
  EXPECT_EQ(result("rem.s32", {s32(-7), 2}), s32(-1));
  EXPECT_EQ(result("div.u32", {0xfffffff9u, 2}), 0x7ffffffcu);
  EXPECT_THROW(result("div.u32", {1, 0}), std::domain_error);
  EXPECT_EQ(result("min.s32", {s32(-1), 1}), s32(-1));
  EXPECT_EQ(result("min.u32", {s32(-1), 1}), 1u);
  EXPECT_EQ(result("max.s64", {static_cast<uint64_t>(-5), 3}), 3u);
  EXPECT_EQ(result("neg.s32", {5}), s32(-5));
  EXPECT_EQ(result("abs.s32", {s32(-5)}), 5u);
  EXPECT_EQ(result("popc.b32", {0xf0f0u}), 8u);
  EXPECT_EQ(result("clz.b32", {1}), 31u);
}

TEST(PtxArithmetic, Bits) {
  EXPECT_EQ(result("shl.b32", {1, 31}), 0x80000000u);
  EXPECT_EQ(result("shl.b32", {1, 32}), 0u);  // clamps, unlike C++
  EXPECT_EQ(result("shr.s32", {s32(-8), 40}), s32(-1));
  EXPECT_EQ(result("shr.u32", {0x80000000u, 31}), 1u);
  EXPECT_EQ(result("shf.l.wrap.b32", {0x80000000u, 1, 33}), 3u);
  EXPECT_EQ(result("shf.r.clamp.b32", {5, 7, 40}), 7u);
  EXPECT_EQ(result("not.b32", {0}), 0xffffffffu);
  EXPECT_EQ(result("not.pred", {0}), 1u);
  EXPECT_EQ(result("bfi.b32", {0xff, 0, 8, 4}), 0xf00u);
  EXPECT_EQ(result("bfi.b32", {0xff, 0x12345678u, 40, 4}), 0x12345678u);
  EXPECT_EQ(result("bfe.u32", {0x12345678u, 8, 8}), 0x56u);
  EXPECT_EQ(result("lop3.b32", {0xff00, 0xf0f0, 0xcccc, 0xe8}),
            ((0xff00u & 0xf0f0u) | (0xff00u & 0xccccu) | (0xf0f0u & 0xccccu)));
  EXPECT_EQ(result("prmt.b32", {0x03020100u, 0x07060504u, 0x7531}), 0x07050301u);
  EXPECT_EQ(result("prmt.b32", {0x00008000u, 0, 0x0009}), 0x000000ffu);  // sign replication
  EXPECT_EQ(result("selp.b32", {1, 2, 0}), 2u);
}

TEST(PtxArithmetic, Floats) {
  EXPECT_EQ(result("add.f32", {f32(1), f32(2)}), f32(3));
  EXPECT_EQ(result("fma.rn.f32", {f32(1 + 0x1p-23f), f32(1 - 0x1p-23f), f32(-1)}), f32(-0x1p-46f));  // one rounding
  EXPECT_EQ(result("div.rn.f32", {f32(1), f32(3)}), f32(1.0f / 3));
  EXPECT_EQ(result("max.f32", {f32(kNaN), f32(1)}), f32(1));
  EXPECT_EQ(result("copysign.f32", {f32(-2), f32(3)}), f32(-3));  // the sign of the first
  EXPECT_EQ(result("ex2.approx.ftz.f32", {f32(-140)}), f32(0));
  EXPECT_EQ(result("ex2.approx.f32", {f32(-140)}), f32(0x1p-140f));
  EXPECT_EQ(result("mul.ftz.f32", {f32(kSubnormal), f32(1e10f)}), f32(0));
  EXPECT_EQ(result("lg2.approx.f32", {f32(8)}), f32(3));
  EXPECT_EQ(result("fma.rn.f64", {f64(3), f64(4), f64(5)}), f64(17));
}

TEST(PtxArithmetic, Comparisons) {
  EXPECT_EQ(result("setp.lt.s32", {s32(-1), 0}), 1u);
  EXPECT_EQ(result("setp.lt.u32", {s32(-1), 0}), 0u);
  EXPECT_EQ(result("setp.ne.f32", {f32(kNaN), f32(kNaN)}), 0u);   // ordered
  EXPECT_EQ(result("setp.neu.f32", {f32(kNaN), f32(kNaN)}), 1u);  // unordered
  EXPECT_EQ(result("setp.gtu.f32", {f32(kNaN), f32(0)}), 1u);
  EXPECT_EQ(result("setp.nan.f32", {f32(kNaN), f32(0)}), 1u);
  EXPECT_EQ(result("setp.lt.and.f32", {f32(0), f32(1), 0}), 0u);
  EXPECT_EQ(result("setp.lt.or.f32", {f32(2), f32(1), 1}), 1u);
  EXPECT_EQ(result("setp.gt.ftz.f32", {f32(kSubnormal), f32(0)}), 0u);
}

TEST(PtxArithmetic, DirectedRoundingAndSaturation) {
  EXPECT_EQ(result("add.rn.f32", {f32(1), f32(0x1p-30f)}), f32(1));
  EXPECT_EQ(result("add.rp.f32", {f32(1), f32(0x1p-30f)}), f32(1 + 0x1p-23f));
  EXPECT_EQ(result("add.rm.f32", {f32(1), f32(-0x1p-30f)}), f32(1 - 0x1p-24f));
  EXPECT_EQ(result("add.rz.f32", {f32(-1), f32(0x1p-30f)}), f32(-1 + 0x1p-24f));
  EXPECT_EQ(result("fma.rm.f32", {f32(3), f32(-0x1p-30f), f32(1)}), f32(1 - 0x1p-24f));
  EXPECT_EQ(result("mul.rp.f64", {f64(1 + 0x1p-52), f64(1 + 0x1p-52)}), f64(1 + 0x1p-51 + 0x1p-52));
  EXPECT_EQ(result("div.rm.f32", {f32(1), f32(3)}), 0x3eaaaaaau);
  EXPECT_EQ(result("cvt.sat.f32.f32", {f32(1.5f)}), f32(1));
  EXPECT_EQ(result("cvt.sat.f32.f32", {f32(-1.5f)}), f32(0));
  EXPECT_EQ(result("fma.rn.sat.f32", {f32(0.5f), f32(0.5f), f32(0.5f)}), f32(0.75f));
  EXPECT_EQ(result("add.sat.f32", {f32(kNaN), f32(1)}), f32(0));
}

TEST(PtxArithmetic, Conversions) {
  EXPECT_EQ(result("cvt.rn.bf16x2.f32", {f32(2), f32(1)}), 0x40003f80u);  // the first goes into the upper half
  EXPECT_EQ(result("cvt.rn.bf16.f32", {0x3f808000u}), 0x3f80u);           // ties to even
  EXPECT_EQ(result("cvt.rn.bf16.f32", {0x3f818000u}), 0x3f82u);
  EXPECT_EQ(result("cvt.rn.bf16.f32", {f32(kNaN)}), 0x7fffu);
  EXPECT_EQ(result("cvt.f32.bf16", {0x3f80u}), f32(1));
  EXPECT_EQ(result("cvt.rzi.s32.f32", {f32(-1.9f)}), s32(-1));
  EXPECT_EQ(result("cvt.rni.s32.f32", {f32(2.5f)}), 2u);
  EXPECT_EQ(result("cvt.rmi.f32.f32", {f32(-1.1f)}), f32(-2));
  EXPECT_EQ(result("cvt.rzi.s32.f32", {f32(kInf)}), 0x7fffffffu);
  EXPECT_EQ(result("cvt.rzi.u32.f32", {f32(-3)}), 0u);
  EXPECT_EQ(result("cvt.rzi.s32.f32", {f32(kNaN)}), 0u);
  EXPECT_EQ(result("cvt.rn.f32.s32", {s32(-7)}), f32(-7));
  EXPECT_EQ(result("cvt.rn.f32.u64", {1ull << 40}), f32(0x1p40f));
  EXPECT_EQ(result("cvt.s64.s32", {s32(-7)}), static_cast<uint64_t>(-7));
  EXPECT_EQ(result("cvt.u16.u32", {0x12345678u}), 0x5678u);
  EXPECT_EQ(result("cvt.f64.f32", {f32(1.5f)}), f64(1.5));
  EXPECT_EQ(result("cvt.rn.f32.f64", {f64(1.1)}), f32(1.1f));
}

TEST(PtxArithmetic, UnknownInstructionsAreRefused) {
  EXPECT_THROW(result("dp4a.s32.s32", {1, 2, 3}), Fault);
  EXPECT_THROW(result("cvt.rz.bf16.f32", {1}), Fault);
  EXPECT_THROW(result("cvt.rm.f32.s32", {1}), Fault);
  EXPECT_THROW(result("cvt.sat.f32.s32", {1}), Fault);
  EXPECT_THROW(result("add.sat.s32", {1, 2}), Fault);
  EXPECT_THROW(result("mad.hi.s32", {1, 2, 3}), Fault);
}

}  // namespace
}  // namespace tern::ptx
