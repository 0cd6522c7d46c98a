#include <cmath>

#include "kernels/rope/rope.cuh"
#include "tests/kernels/cuda_proof/proof.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

struct Shape {
  std::string name;
  size_t batch, seq_len, heads, kv_heads, head_dim;
  size_t first_position = 0;
  size_t shift = 0;  // elements by which qkv misses 16-byte alignment
};

std::vector<Shape> shapes() {
  return {
      {"no_rows", 0, 4, 2, 2, 16},
      {"smallest_head", 2, 3, 1, 1, 2},
      {"head_of_6", 1, 5, 3, 1, 6},
      {"one_vector_per_half", 2, 7, 2, 1, 16},
      {"trm_heads", 2, 9, 8, 8, 64},
      {"gpt_heads_later_positions", 1, 6, 6, 2, 128, 11},
      {"misaligned_view", 1, 4, 2, 2, 32, 0, 1},
      {"head_of_20", 1, 4, 2, 1, 20},
  };
}

template <class T>
struct Problem {
  Shape shape;
  bool clockwise, there_and_back;
  size_t half, width, rows;
  std::vector<T> qkv;
  std::vector<float> cos, sin;

  Problem(const Shape& of, bool turns_clockwise, bool turns_back)
      : shape(of),
        clockwise(turns_clockwise),
        there_and_back(turns_back),
        half(of.head_dim / 2),
        width((of.heads + 2 * of.kv_heads) * of.head_dim),
        rows(of.batch * of.seq_len),
        qkv(convert<T>(normal_floats(rows * width, 1))) {
    for (size_t p = 0; p < of.first_position + of.seq_len; ++p)
      for (size_t i = 0; i < half; ++i) {
        const double angle =
            static_cast<double>(p) * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
        cos.push_back(static_cast<float>(std::cos(angle)));
        sin.push_back(static_cast<float>(std::sin(angle)));
      }
  }

  [[nodiscard]] std::vector<Output> run() const {
    DeviceBuffer<T> x("qkv", Use::output, qkv, shape.shift);
    DeviceBuffer<float> c("cos", Use::input, cos), s("sin", Use::input, sin);
    const RopeShape of{static_cast<int>(shape.seq_len), static_cast<int>(width),
                       static_cast<int>(shape.heads + shape.kv_heads), static_cast<int>(half)};
    const size_t first = shape.first_position * half;
    for (const bool back : there_and_back ? std::vector<bool>{false, true} : std::vector<bool>{false})
      rope_launch<T>(x.data(), c.data() + first, s.data() + first, clockwise != back, static_cast<int64_t>(rows), of,
                     nullptr);
    return {{"qkv", to_doubles(x.download())}};
  }

  [[nodiscard]] std::vector<Expected> expected() const {
    std::vector<double> x = to_doubles(qkv);
    for (size_t row = 0; row < rows && !there_and_back; ++row)
      for (size_t head = 0; head < shape.heads + shape.kv_heads; ++head)
        for (size_t i = 0; i < half; ++i) {
          const size_t angle = (shape.first_position + row % shape.seq_len) * half + i;
          double& first = x[row * width + head * shape.head_dim + i];
          double& second = x[row * width + head * shape.head_dim + half + i];
          const double a = first, b = second, c = cos[angle], s = clockwise ? -double{sin[angle]} : sin[angle];
          first = a * c - b * s;
          second = b * c + a * s;
        }
    // Values up to 5, two roundings each way and as much again from the rounded table; the difference may cancel.
    // bfloat16 rounds to 8 bits after each turn, and the error of the one half turns into the other.
    const int turns = there_and_back ? 2 : 1;
    const Tolerance exact{5 * 4 * 0x1p-24 * turns, 0};
    const Tolerance rounded{there_and_back ? 6 * 0x1p-8 : exact.absolute, 0x1p-8};
    return {{"qkv", x, sizeof(T) == 4 ? exact : rounded, {}}};
  }
};

template <class T>
void add_cases(std::vector<Case>& cases, const std::string& dtype) {
  for (const bool clockwise : {false, true})
    for (const bool back : {false, true})
      for (const Shape& shape : shapes())
        cases.push_back(
            {dtype + (clockwise ? "_clockwise_" : "_counter_clockwise_") + (back ? "and_back_" : "") + shape.name,
             [=] { return Problem<T>(shape, clockwise, back).run(); },
             [=] { return Problem<T>(shape, clockwise, back).expected(); }});
}

}  // namespace

std::vector<Case> proof_cases() {
  std::vector<Case> cases;
  add_cases<float>(cases, "float32");
  add_cases<Bf16>(cases, "bfloat16");
  return cases;
}

}  // namespace tern::kernels::test
