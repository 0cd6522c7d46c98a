#include "kernels/attention/attention_config.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace tern::kernels::test {
namespace {

constexpr AttentionDevice kA100{80, 108}, kH100{90, 132}, kRtx4090{89, 128};

AttentionShape square(int batch, int seq, int heads) {
  return {batch, seq, seq, heads, heads};
}

TEST(AttentionConfig, WideBlocksOnlyWhereTheyFillTheDevice) {
  const AttentionShape trm = square(96, 916, 8);  // 6144 blocks of 128 queries
  for (const AttentionDevice& device : {kA100, kH100, kRtx4090})
    EXPECT_EQ(choose_attention(trm, 64, false, device).forward_row_tiles, 2);
  EXPECT_EQ(choose_attention(square(1, 916, 8), 64, false, kA100).forward_row_tiles, 1);  // 64 blocks
}

TEST(AttentionConfig, WideBlocksBeginAtTwoPerMultiprocessor) {
  EXPECT_EQ(choose_attention(square(1, 128, 216), 64, false, kA100).forward_row_tiles, 2);
  EXPECT_EQ(choose_attention(square(1, 128, 215), 64, false, kA100).forward_row_tiles, 1);
  EXPECT_EQ(choose_attention(square(1, 129, 108), 64, false, kA100).forward_row_tiles, 2);
}

TEST(AttentionConfig, HeadSize128HasOneTile) {
  EXPECT_EQ(choose_attention(square(64, 2048, 16), 128, false, kH100).forward_row_tiles, 1);
}

TEST(AttentionConfig, DeterministicMeansNoAtomicsAndNoWorkspaceForDq) {
  const AttentionShape shape = square(2, 65, 3);
  const AttentionConfig atomics = choose_attention(shape, 64, false, kA100);
  const AttentionConfig ordered = choose_attention(shape, 64, true, kA100);
  EXPECT_TRUE(atomics.dq_by_atomics);
  EXPECT_FALSE(ordered.dq_by_atomics);
  EXPECT_EQ(attention_workspace(shape, 64, atomics).stats, 2 * 3 * 128);
  EXPECT_EQ(attention_workspace(shape, 64, atomics).dq_sum, 2 * 3 * 128 * 64);
  EXPECT_EQ(attention_workspace(shape, 64, ordered).stats, 2 * 3 * 128);
  EXPECT_EQ(attention_workspace(shape, 64, ordered).dq_sum, 0);
}

class WhyNotFused : public testing::Test {
 protected:
  WhyNotFused() {
    in.q = in.k = in.v = {reinterpret_cast<const Bf16*>(memory.data()), 640, 64, 192};
    in.shape = square(1, 8, 2);
    in.scale_log2 = 0.125f;
  }
  [[nodiscard]] const float* angles() const { return reinterpret_cast<const float*>(memory.data()); }

  alignas(16) std::array<uint8_t, 64> memory{};
  AttentionInputs in;
};

TEST_F(WhyNotFused, IsEmptyForWhatTheKernelsTake) {
  EXPECT_EQ(why_not_fused(in, 64), "");
  EXPECT_EQ(why_not_fused(in, 128), "");
  in.rotation = {angles(), angles(), 1};
  EXPECT_EQ(why_not_fused(in, 64), "");
}

TEST_F(WhyNotFused, NamesHeadSizeGroupsAndScale) {
  EXPECT_EQ(why_not_fused(in, 96), "head size 96, not 64 or 128");
  AttentionInputs changed = in;
  changed.shape.num_kv_heads = 3;
  EXPECT_EQ(why_not_fused(changed, 64), "2 query heads in 3 groups");
  changed = in;
  changed.shape.num_kv_heads = 0;
  EXPECT_EQ(why_not_fused(changed, 64), "2 query heads in 0 groups");
  changed = in;
  changed.shape.batch = 70000;
  EXPECT_EQ(why_not_fused(changed, 64), "more than 65535 heads or sequences (2, 70000)");
  changed = in;
  changed.scale_log2 = -1;
  EXPECT_EQ(why_not_fused(changed, 64), "a scale that is not above 0");
}

TEST_F(WhyNotFused, NamesTheTensorThatIsMisaligned) {
  AttentionInputs changed = in;
  changed.k.data = reinterpret_cast<const Bf16*>(memory.data() + 2);
  EXPECT_EQ(why_not_fused(changed, 64), "k not aligned to 16 bytes");
  changed = in;
  changed.v.token = 190;
  EXPECT_EQ(why_not_fused(changed, 64), "v with strides that are not multiples of 8 elements");
  changed = in;
  changed.q.token = kAttentionMaxTokenStride;
  EXPECT_EQ(why_not_fused(changed, 64), "q with tokens 16777216 elements apart");
  EXPECT_EQ(why_not_fused("dout", {reinterpret_cast<const Bf16*>(memory.data() + 8), 8, 8, 8}),
            "dout not aligned to 16 bytes");
}

TEST_F(WhyNotFused, RotationNeedsAlignedAnglesForEveryQuery) {
  AttentionInputs changed = in;
  changed.rotation = {angles() + 1, angles(), 1};
  EXPECT_EQ(why_not_fused(changed, 64), "angles not aligned to 16 bytes");
  changed.rotation = {angles(), angles(), 1};
  changed.shape.seq_q = 9;
  EXPECT_EQ(why_not_fused(changed, 64), "a rotation with more queries than keys");
}

}  // namespace
}  // namespace tern::kernels::test
