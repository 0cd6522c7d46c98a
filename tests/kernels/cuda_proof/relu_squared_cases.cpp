#include <cmath>
#include <limits>

#include "kernels/relu_squared/relu_squared.cuh"
#include "tests/kernels/cuda_proof/typed_cases.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

struct Shape {
  std::string name;
  size_t size;
  bool in_place = false;  // out is x, dx is dout
  size_t shift = 0;
};

std::vector<Shape> shapes() {
  return {{"empty", 0},
          {"size_1", 1},
          {"size_7", 7, true},
          {"one_vector", 8},
          {"vectors_and_rest", 1003},
          {"one_block", 2048, true},
          {"past_a_block", 2057, true},
          {"misaligned_view", 777, true, 3}};
}

// Two roundings in float32, one more to 8 bits for bfloat16; every operation is exactly rounded on all engines.
template <class T>
constexpr Tolerance kTolerance{0, sizeof(T) == 4 ? 0x1p-22 : 0x1p-8};

template <class T>
struct Problem {
  Shape shape;
  std::vector<T> x, dout;

  explicit Problem(const Shape& of) : shape(of), dout(convert<T>(normal_floats(of.size, 2))) {
    std::vector<float> values = normal_floats(of.size, 1);
    if (of.size > 5) {
      values[1] = std::numeric_limits<float>::quiet_NaN();
      values[2] = std::numeric_limits<float>::infinity();
      values[3] = -std::numeric_limits<float>::infinity();
      values[4] = -0.0f;
    }
    x = convert<T>(values);
  }

  [[nodiscard]] std::vector<Output> run_forward() const {
    DeviceBuffer<T> in("x", shape.in_place ? Use::output : Use::input, x, shape.shift);
    DeviceBuffer<T> separate("out", Use::output, x);
    const DeviceBuffer<T>& out = shape.in_place ? in : separate;
    relu_squared_forward_launch<T>(in.data(), out.data(), static_cast<int64_t>(shape.size), nullptr);
    return {{"out", to_doubles(out.download())}};
  }

  [[nodiscard]] std::vector<Output> run_backward() const {
    DeviceBuffer<T> in("x", Use::input, x, shape.shift);
    DeviceBuffer<T> gradient("dout", shape.in_place ? Use::output : Use::input, dout);
    DeviceBuffer<T> separate("dx", Use::output, x);
    const DeviceBuffer<T>& dx = shape.in_place ? gradient : separate;
    relu_squared_backward_launch<T>(gradient.data(), in.data(), dx.data(), static_cast<int64_t>(shape.size), nullptr);
    return {{"dx", to_doubles(dx.download())}};
  }

  [[nodiscard]] std::vector<Expected> expected(bool backward) const {
    const std::vector<double> in = to_doubles(x), gradient = to_doubles(dout);
    std::vector<double> result;
    for (size_t i = 0; i < in.size(); ++i) {
      const double positive = in[i] < 0 ? 0 : in[i];
      result.push_back(backward ? gradient[i] * 2 * positive : positive * positive);
    }
    return {{backward ? "dx" : "out", result, kTolerance<T>, {}}};
  }
};

}  // namespace

std::vector<Case> proof_cases() {
  return forward_and_backward_cases<Problem>(shapes());
}

}  // namespace tern::kernels::test
