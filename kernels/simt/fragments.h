// Which matrix element each lane holds in the warp-wide tile operations, and their arithmetic. Used by the emulator and
// by the PTX interpreter; pinned to the published CuTe layouts by a test, so that a mistake here can't hide by being in
// kernel and emulator alike.
#pragma once

#include <cstdint>

namespace tern::simt {

struct Element {
  int row, col;
};

// mma.m16n8k16 with 16-bit inputs. A register of a or b holds two elements: (row, col) in the low half and its
// neighbour along k in the high half.
constexpr Element mma_a_element(int lane, int reg) {
  return {lane / 4 + (reg & 1) * 8, lane % 4 * 2 + (reg >> 1) * 8};
}
constexpr Element mma_b_element(int lane, int reg) {
  return {lane % 4 * 2 + reg * 8, lane / 4};
}  // row = k, col = n
constexpr Element mma_c_element(int lane, int reg) {
  return {lane / 4 + (reg >> 1) * 8, lane % 4 * 2 + (reg & 1)};
}

// Registers of a whole warp for one mma: d = a * b + c, each product and sum rounded to float32 in order of k. The
// hardware adds groups of k with truncation, so results agree within a tolerance only.
struct MmaWarp {
  uint32_t a[32][4];
  uint32_t b[32][2];
  float c[32][4];
};
void mma_m16n8k16(MmaWarp& warp);  // overwrites c with d

// The register that `lane` gets from one 8x8 matrix of 16-bit elements.
constexpr uint32_t ldmatrix_register(const uint16_t (&tile)[8][8], int lane, bool transposed) {
  const int major = lane / 4, minor = lane % 4 * 2;
  const uint32_t low = transposed ? tile[minor][major] : tile[major][minor];
  const uint32_t high = transposed ? tile[minor + 1][major] : tile[major][minor + 1];
  return low | high << 16;
}

}  // namespace tern::simt
