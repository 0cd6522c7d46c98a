#include "kernels/simt/fragments.h"

#include <cstring>

namespace tern::simt {
namespace {

float float_of_bf16(uint32_t bits) {
  bits <<= 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

void mma_m16n8k16(MmaWarp& warp) {
  float a[16][16], b[16][8], c[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    for (int reg = 0; reg < 4; ++reg) {
      const auto [row, col] = mma_a_element(lane, reg);
      a[row][col] = float_of_bf16(warp.a[lane][reg]);
      a[row][col + 1] = float_of_bf16(warp.a[lane][reg] >> 16);
      const auto [c_row, c_col] = mma_c_element(lane, reg);
      c[c_row][c_col] = warp.c[lane][reg];
    }
    for (int reg = 0; reg < 2; ++reg) {
      const auto [k, n] = mma_b_element(lane, reg);
      b[k][n] = float_of_bf16(warp.b[lane][reg]);
      b[k + 1][n] = float_of_bf16(warp.b[lane][reg] >> 16);
    }
  }
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 16; ++k)
      for (int col = 0; col < 8; ++col) c[row][col] += a[row][k] * b[k][col];
  for (int lane = 0; lane < 32; ++lane)
    for (int reg = 0; reg < 4; ++reg) {
      const auto [row, col] = mma_c_element(lane, reg);
      warp.c[lane][reg] = c[row][col];
    }
}

}  // namespace tern::simt
