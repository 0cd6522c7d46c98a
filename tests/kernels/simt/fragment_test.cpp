// The fragment layouts against an outside source: CuTe's published atom traits
// (MMA_Traits<SM80_16x8x16_F32BF16BF16F32_TN> and Copy_Traits<SM75_U32x4_LDSM_N>), written as its layout formulas.
// Emulator and interpreter share fragments.h, so only this keeps them from sharing a mistake.
#include "kernels/simt/fragments.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace tern::simt {
namespace {

// A CuTe layout ((4,8),(values...)) : ((stride...),(stride...)): lane and value index to a column-major position.
struct ThreadValueLayout {
  int lane_stride[2];  // of lane % 4, lane / 4
  int value_shape[3], value_stride[3];

  [[nodiscard]] int operator()(int lane, int value) const {
    int position = lane % 4 * lane_stride[0] + lane / 4 * lane_stride[1];
    for (int mode = 0; mode < 3; ++mode) {
      position += value % value_shape[mode] * value_stride[mode];
      value /= value_shape[mode];
    }
    return position;
  }
};
constexpr ThreadValueLayout kCuteA{{32, 1}, {2, 2, 2}, {16, 8, 128}};  // position = m + 16 k
constexpr ThreadValueLayout kCuteB{{16, 1}, {2, 2, 1}, {8, 64, 0}};    // position = n + 8 k
constexpr ThreadValueLayout kCuteC{{32, 1}, {2, 2, 1}, {16, 8, 0}};    // position = m + 16 n

TEST(Fragments, AFollowsCute) {
  for (int lane = 0; lane < 32; ++lane)
    for (int value = 0; value < 8; ++value) {
      const Element element = mma_a_element(lane, value / 2);
      EXPECT_EQ(element.row + 16 * (element.col + value % 2), kCuteA(lane, value)) << lane << " " << value;
    }
}

TEST(Fragments, BFollowsCute) {
  for (int lane = 0; lane < 32; ++lane)
    for (int value = 0; value < 4; ++value) {
      const Element element = mma_b_element(lane, value / 2);
      EXPECT_EQ(element.col + 8 * (element.row + value % 2), kCuteB(lane, value)) << lane << " " << value;
    }
}

TEST(Fragments, CFollowsCute) {
  for (int lane = 0; lane < 32; ++lane)
    for (int value = 0; value < 4; ++value) {
      const Element element = mma_c_element(lane, value);
      EXPECT_EQ(element.row + 16 * element.col, kCuteC(lane, value)) << lane << " " << value;
    }
}

// Each 8x8 matrix loaded by ldmatrix has the layout that mma wants of a quarter of a: lane / 4 is the row and
// 2 (lane % 4) the first of two columns. Transposed, rows and columns change places.
TEST(Fragments, LdmatrixFollowsTheMmaOperand) {
  uint16_t tile[8][8];
  for (int row = 0; row < 8; ++row)
    for (int col = 0; col < 8; ++col) tile[row][col] = static_cast<uint16_t>(row * 8 + col);
  for (int lane = 0; lane < 32; ++lane) {
    const auto [row, col] = mma_a_element(lane, 0);
    const auto at = [](int r, int c) { return static_cast<uint32_t>(r * 8 + c); };
    EXPECT_EQ(ldmatrix_register(tile, lane, false), at(row, col) | at(row, col + 1) << 16);
    EXPECT_EQ(ldmatrix_register(tile, lane, true), at(col, row) | at(col + 1, row) << 16);
  }
}

uint32_t bf16_pair(float low, float high) {
  uint32_t l, h;
  std::memcpy(&l, &low, 4);
  std::memcpy(&h, &high, 4);
  return l >> 16 | (h & 0xffff0000u);
}

// The whole product, with operands placed by CuTe's formulas and small whole numbers, where every rounding is exact.
TEST(Fragments, MmaMultipliesMatrices) {
  std::mt19937 random(1);
  float a[16][16], b[16][8], c[16][8];
  const auto fill = [&](auto& matrix) {
    for (auto& row : matrix)
      for (float& x : row) x = static_cast<float>(static_cast<int>(random() % 17) - 8);
  };
  fill(a), fill(b), fill(c);
  MmaWarp warp;
  for (int lane = 0; lane < 32; ++lane) {
    const auto a_at = [&](int value) { return a[kCuteA(lane, value) % 16][kCuteA(lane, value) / 16]; };
    const auto b_at = [&](int value) { return b[kCuteB(lane, value) / 8][kCuteB(lane, value) % 8]; };
    for (int reg = 0; reg < 4; ++reg) warp.a[lane][reg] = bf16_pair(a_at(2 * reg), a_at(2 * reg + 1));
    for (int reg = 0; reg < 2; ++reg) warp.b[lane][reg] = bf16_pair(b_at(2 * reg), b_at(2 * reg + 1));
    for (int reg = 0; reg < 4; ++reg) warp.c[lane][reg] = c[kCuteC(lane, reg) % 16][kCuteC(lane, reg) / 16];
  }
  mma_m16n8k16(warp);
  for (int lane = 0; lane < 32; ++lane)
    for (int reg = 0; reg < 4; ++reg) {
      const int row = kCuteC(lane, reg) % 16, col = kCuteC(lane, reg) / 16;
      float expected = c[row][col];
      for (int k = 0; k < 16; ++k) expected += a[row][k] * b[k][col];
      EXPECT_EQ(warp.c[lane][reg], expected) << row << "," << col;
    }
}

}  // namespace
}  // namespace tern::simt
