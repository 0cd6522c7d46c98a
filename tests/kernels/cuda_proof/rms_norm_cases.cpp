#include <cmath>

#include "kernels/rms_norm/rms_norm.cuh"
#include "tests/kernels/cuda_proof/typed_cases.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

struct Shape {
  std::string name;
  size_t rows, width;
  bool residual = false;  // and dy in two parts
  bool in_place = false;  // y is x, dx is dy
  size_t shift = 0;       // elements by which x misses 16-byte alignment
  bool large = false;
};

std::vector<Shape> shapes() {
  return {
      {"no_rows", 0, 8},
      {"width_1", 3, 1},
      {"width_7", 9, 7, true},
      {"width_8", 17, 8, true},
      {"one_vector_short_of_a_warp", 9, 248},
      {"trm_width_512_with_residual", 11, 512, true},
      {"widest_of_a_warp", 8, 1024, false, true},
      {"narrowest_of_a_block", 3, 1032, true},
      {"gpt_width_2048", 2, 2048, false, true},
      {"widest", 2, 8192, true},
      {"widest_by_elements", 1, 8191, true},
      {"odd_width_in_place", 3, 515, true, true},
      {"misaligned_view", 3, 512, true, false, 1},
      {"trm_rows", 916, 512, true, false, 0, true},
  };
}

constexpr float kEps = 1e-5f;

template <class T>
struct Problem {
  Shape shape;
  std::vector<T> x, residual, dy, more, y;
  std::vector<float> rstd;

  explicit Problem(const Shape& of) : shape(of) {
    const size_t n = of.rows * of.width;
    x = convert<T>(normal_floats(n, 1));
    residual = convert<T>(normal_floats(n, 2));
    dy = convert<T>(normal_floats(n, 3));
    y = convert<T>(normal_floats(n, 4));
    more = convert<T>(normal_floats(n, 6));
    // The last row is zero: eps alone decides.
    for (size_t i = n - (of.rows ? of.width : 0); i < n; ++i) x[i] = residual[i] = T{};
    for (float value : normal_floats(of.rows, 5)) rstd.push_back(std::fabs(value) + 0.1f);
  }

  [[nodiscard]] std::vector<Output> run_forward() const {
    DeviceBuffer<T> in("x", shape.in_place ? Use::output : Use::input, x, shape.shift);
    DeviceBuffer<T> added("residual", Use::input, residual);
    DeviceBuffer<T> separate("y", Use::output, convert<T>(std::vector<float>(x.size())));
    DeviceBuffer<float> scale("rstd", Use::output, std::vector<float>(shape.rows));
    const DeviceBuffer<T>& out = shape.in_place ? in : separate;
    rms_norm_forward_launch<T>(in.data(), shape.residual ? added.data() : nullptr, kEps, out.data(), scale.data(),
                               static_cast<int64_t>(shape.rows), static_cast<int>(shape.width), nullptr);
    return {{"y", to_doubles(out.download())}, {"rstd", to_doubles(scale.download())}};
  }

  [[nodiscard]] std::vector<Output> run_backward() const {
    DeviceBuffer<T> gradient("dy", shape.in_place ? Use::output : Use::input, dy, shape.shift);
    DeviceBuffer<T> second("more", Use::input, more);
    DeviceBuffer<T> output("y", Use::input, y);
    DeviceBuffer<float> scale("rstd", Use::input, rstd);
    DeviceBuffer<T> separate("dx", Use::output, convert<T>(std::vector<float>(x.size())));
    const DeviceBuffer<T>& out = shape.in_place ? gradient : separate;
    rms_norm_backward_launch<T>(gradient.data(), shape.residual ? second.data() : nullptr, output.data(), scale.data(),
                                out.data(), static_cast<int64_t>(shape.rows), static_cast<int>(shape.width), nullptr);
    return {{"dx", to_doubles(out.download())}};
  }

  // A sum passes 32 additions in a thread and 13 between threads: 45 roundings of 2^-24, halved by the square root.
  // float32 results are rounded twice more, bfloat16 results once to 8 bits.
  static constexpr double kSum = 45 * 0x1p-24, kResult = sizeof(T) == 4 ? 0x1p-22 : 0x1p-8;

  [[nodiscard]] std::vector<Expected> expected(bool backward) const {
    return backward ? expected_backward() : expected_forward();
  }

  [[nodiscard]] std::vector<Expected> expected_forward() const {
    const std::vector<double> in = to_doubles(x), added = to_doubles(residual);
    std::vector<double> out, scales;
    const auto sum = [&](size_t i) { return shape.residual ? in[i] + added[i] : in[i]; };
    for (size_t begin = 0; begin < in.size(); begin += shape.width) {
      double squares = 0;
      for (size_t i = begin; i < begin + shape.width; ++i) squares += sum(i) * sum(i);
      scales.push_back(1 / std::sqrt(squares / static_cast<double>(shape.width) + kEps));
      for (size_t i = begin; i < begin + shape.width; ++i) out.push_back(sum(i) * scales.back());
    }
    return {{"y", out, {0, kSum / 2 + kResult}, {}}, {"rstd", scales, {0, kSum / 2 + 0x1p-22}, {}}};
  }

  [[nodiscard]] std::vector<Expected> expected_backward() const {
    std::vector<double> gradient = to_doubles(dy), output = to_doubles(y), out;
    if (shape.residual) {
      const std::vector<double> second = to_doubles(more);
      for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += second[i];
    }
    for (size_t row = 0; row < shape.rows; ++row) {
      const size_t begin = row * shape.width;
      double products = 0;
      for (size_t i = begin; i < begin + shape.width; ++i) products += gradient[i] * output[i];
      const double mean = products / static_cast<double>(shape.width);
      for (size_t i = begin; i < begin + shape.width; ++i) out.push_back(rstd[row] * (gradient[i] - output[i] * mean));
    }
    // The difference may cancel, so the sum's error counts in absolute terms: a sum of two values, mean and rstd are of
    // size 6 at most.
    return {{"dx", out, {kSum * 6 * 6, kResult}, {}}};
  }
};

}  // namespace

std::vector<Case> proof_cases() {
  return forward_and_backward_cases<Problem>(shapes());
}

}  // namespace tern::kernels::test
