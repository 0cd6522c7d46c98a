// Sums of a row in the order in which ATen's own sum adds (a cascade: several accumulators side by side, emptied into
// the next level every 16 terms), so that a fused op gives the very bits of the composition that it replaces. For the
// *_cpu.cpp files; compiled once per vector level, as the order depends on the vectors' width.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "kernels/common/cpu_vec.h"

namespace tern::kernels {
namespace {

constexpr int64_t kSumLanes = 4;  // accumulators side by side

// `columns` independent sums of `size` terms each; term(i, column) is a vector or a number. Columns are accumulated
// side by side, in four levels.
template <class Value, int columns, class Term>
std::array<Value, columns> cascade_sums(int64_t size, const Term& term) {
  constexpr int levels = 4;
  const int64_t ceil_log2 = size <= 2 ? 1 : std::bit_width(static_cast<uint64_t>(size - 1));
  const int64_t level_power = std::max<int64_t>(4, ceil_log2 / levels);
  const int64_t step = int64_t{1} << level_power;
  std::array<std::array<Value, columns>, levels> sums;
  for (auto& level : sums) level.fill(Value(0));
  int64_t i = 0;
  while (i + step <= size) {
    for (const int64_t end = i + step; i < end; ++i) {
      for (int column = 0; column < columns; ++column) sums[0][column] = sums[0][column] + term(i, column);
    }
    for (int level = 1; level < levels; ++level) {
      for (int column = 0; column < columns; ++column) {
        sums[level][column] = sums[level][column] + sums[level - 1][column];
        sums[level - 1][column] = Value(0);
      }
      if ((i & ((step - 1) << (level * level_power))) != 0) break;
    }
  }
  for (; i < size; ++i) {
    for (int column = 0; column < columns; ++column) sums[0][column] = sums[0][column] + term(i, column);
  }
  for (int level = 1; level < levels; ++level) {
    for (int column = 0; column < columns; ++column) sums[0][column] = sums[0][column] + sums[level][column];
  }
  return sums[0];
}

// One sum of `size` terms, dealt out to four accumulators.
template <class Value, class Term>
Value interleaved_sum(int64_t size, const Term& term) {
  const int64_t rounds = size / kSumLanes;
  auto sums =
      cascade_sums<Value, kSumLanes>(rounds, [&](int64_t i, int column) { return term(i * kSumLanes + column); });
  for (int64_t i = rounds * kSumLanes; i < size; ++i) sums[0] = sums[0] + term(i);
  for (int column = 1; column < kSumLanes; ++column) sums[0] = sums[0] + sums[column];
  return sums[0];
}

// The sum over a dimension whose elements lie next to each other. vector(i, count) is the vector of terms from i on,
// scalar(i) one term.
template <class T, class Vector, class Scalar>
Compute<T> contiguous_sum(int64_t size, const Vector& vector, const Scalar& scalar) {
  using C = Compute<T>;
  constexpr FullCount<T> full;
  if (size < full) return interleaved_sum<C>(size, scalar);
  const int64_t vectors = size / full;
  const Vec<T> lanes = interleaved_sum<Vec<T>>(vectors, [&](int64_t i) { return vector(i * full, full); });
  C sum = 0;
  for (int64_t i = vectors * full; i < size; ++i) sum += scalar(i);
  C values[Vec<T>::size()];
  lanes.store(values);
  for (const C value : values) sum += value;
  return sum;
}

// The sum over a dimension whose elements lie `columns` apart, for the sum number `column` of its neighbours: ATen
// takes whole groups of four vectors of neighbours one term after another, and deals the terms of the others out.
template <class T, class Scalar>
Compute<T> strided_sum(int64_t size, int64_t column, int64_t columns, const Scalar& scalar) {
  using C = Compute<T>;
  constexpr FullCount<T> full;
  const int64_t group = columns >= full ? kSumLanes * full : kSumLanes;
  if (column >= columns / group * group) return interleaved_sum<C>(size, scalar);
  return cascade_sums<C, 1>(size, [&](int64_t i, int) { return scalar(i); })[0];
}

}  // namespace
}  // namespace tern::kernels
