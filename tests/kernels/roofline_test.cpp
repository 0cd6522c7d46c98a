// The roofline's reading of machine code and its arithmetic.
#include <gtest/gtest.h>

#include "bench/roofline/model.h"

namespace tern::roofline {
namespace {

constexpr const char* kSass = R"(
		Function : _ZN4tern7kernels1fILi64EEEvPf
        /*0000*/                   MOV R1, c[0x0][0x28] ;   /* 0x00000a0000017a02 */
                                                            /* 0x000fe40000000f00 */
        /*0010*/                   LDG.E.128 R4, [R2.64] ;  /* 0x1 */
        /*0020*/                   HMMA.16816.F32.BF16 R8, R4, R6, R8 ; /* 0x1 */
        /*0030*/                   MUFU.EX2 R9, R9 ;        /* 0x1 */
        /*0040*/              @!P0 BRA P1, 0x30 ;           /* 0x1 */
        /*0050*/               @P1 BRA 0x20 ;               /* 0x1 */
        /*0060*/               @P2 BRA 0x80 ;               /* 0x1 */
        /*0070*/                   REDG.E.ADD.F32.FTZ.RN.STRONG.GPU desc[UR12][R24.64], R28 ; /* 0x1 */
        /*0080*/                   EXIT ;                   /* 0x1 */
        /*0090*/                   BRA 0x90;                /* 0x1 */
)";

TEST(Sass, SplitsAKernelIntoLoops) {
  const auto kernels = read_sass(kSass);
  ASSERT_TRUE(kernels.contains("f<64>"));
  const SassKernel& kernel = kernels.at("f<64>");
  ASSERT_EQ(kernel.loops.size(), 2u);
  EXPECT_EQ(kernel.loops[0].own, (Mix{{"MUFU", 1}, {"BRA", 1}}));
  EXPECT_EQ(kernel.loops[0].depth, 1);
  EXPECT_EQ(kernel.loops[1].own, (Mix{{"HMMA", 1}, {"BRA", 1}}));
  EXPECT_EQ(kernel.loops[1].depth, 0);
  EXPECT_EQ(kernel.straight, (Mix{{"MOV", 1}, {"LDG", 1}, {"BRA", 2}, {"RED", 1}, {"EXIT", 1}}));
}

const Gpu kGpu{"toy", "80", 10, 1.0, 1000, 100, 0.5, 16};

TEST(Bounds, MemoryBound) {
  Problem problem{.kernel = "k", .shape = "", .bytes = 1e9, .threads = 128, .blocks = 100};
  const SassKernel kernel{.straight = {{"LDG", 6}, {"FADD", 3}, {"MUFU", 1}}, .loops = {}};
  const Bounds bounds = bounds_of(problem, kernel, kGpu, 5);
  EXPECT_DOUBLE_EQ(bounds.memory_us, 1000);  // 1 GB at 1000 GB/s
  // 400 warps x 10 instructions over 40 schedulers at 1 GHz: 100 cycles, 0.1 us.
  EXPECT_DOUBLE_EQ(bounds.issue_us, 0.1);
  EXPECT_DOUBLE_EQ(bounds.special_us, 0.08);  // one in ten, eight cycles each
  EXPECT_DOUBLE_EQ(bounds.fp32_us, 0.06);     // three in ten, two cycles each
  EXPECT_DOUBLE_EQ(bounds.waves, 2);
  EXPECT_EQ(bounds.limited_by, "memory");
  EXPECT_DOUBLE_EQ(bounds.percent, 100);
}

TEST(Bounds, TensorBoundWithAPartialWave) {
  Problem problem{.kernel = "k",
                  .shape = "",
                  .flops = 1e9,
                  .threads = 32,
                  .blocks = 15,
                  .loops = {{.opcode = "HMMA", .opcodes_per_warp = 20}}};
  const SassKernel kernel{.straight = {{"MOV", 4}}, .loops = {{{{"HMMA", 2}, {"FADD", 2}}, 0}, {{{"LDG", 9}}, 0}}};
  const auto issued = issued_per_warp(kernel, problem);
  EXPECT_EQ(issued.at("HMMA"), 20);
  EXPECT_EQ(issued.at("FADD"), 20);
  EXPECT_EQ(issued.at("MOV"), 4);
  EXPECT_FALSE(issued.contains("LDG"));  // a loop beside the repeating one
  const Bounds bounds = bounds_of(problem, kernel, kGpu, 1);
  EXPECT_DOUBLE_EQ(bounds.tensor_us, 20);  // 1 GFLOP at half of 100 TFLOP/s
  EXPECT_EQ(bounds.limited_by, "tensor cores");
  EXPECT_DOUBLE_EQ(bounds.waves, 1.5);
  EXPECT_DOUBLE_EQ(bounds.ceiling_us, 20 * 2 / 1.5);
  EXPECT_DOUBLE_EQ(bounds.percent, 37.5);
}

TEST(Bounds, CountsLoopsByTurnsAndTellsThemApart) {
  const SassKernel kernel{.straight = {{"MOV", 1}},
                          .loops = {{{{"LDG", 2}, {"STG", 2}}, 0}, {{{"LDG", 1}, {"MUFU", 8}}, 0}, {{{"RED", 4}}, 1}}};
  Problem problem{.kernel = "k",
                  .shape = "",
                  .loops = {{.opcode = "LDG", .turns = 5, .without = "STG"},
                            {.opcode = "STG", .turns = 3},
                            {.opcode = "RED", .opcodes_per_warp = 16}}};
  const auto issued = issued_per_warp(kernel, problem);
  EXPECT_EQ(issued.at("LDG"), 5 + 3 * 2);
  EXPECT_EQ(issued.at("MUFU"), 5 * 8);
  EXPECT_EQ(issued.at("STG"), 6);
  EXPECT_EQ(issued.at("RED"), 16);
  EXPECT_EQ(issued.at("MOV"), 1);
  problem.loops = {{.opcode = "BAR", .turns = 1}};
  EXPECT_THROW((void)issued_per_warp(kernel, problem), std::runtime_error);
}

TEST(Bounds, OfALibrarysProduct) {
  const Bounds bounds = library_bounds_of({.kernel = "", .shape = "", .bytes = 1e9, .flops = 4e11}, kGpu);
  EXPECT_DOUBLE_EQ(bounds.memory_us, 1000);
  EXPECT_DOUBLE_EQ(bounds.tensor_us, 4000);  // the whole 100 TFLOP/s
  EXPECT_DOUBLE_EQ(bounds.ceiling_us, 4000);
  EXPECT_EQ(bounds.limited_by, "tensor cores");
}

}  // namespace
}  // namespace tern::roofline
