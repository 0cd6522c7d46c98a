#include <cmath>

#include "kernels/swiglu/swiglu.cuh"
#include "tests/kernels/cuda_proof/typed_cases.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

struct Shape {
  std::string name;
  size_t rows, inter;
  bool recompute = false;  // the backward pass also gives the forward result
  bool in_place = false;   // d_gate_up is gate_up, out is dout
  size_t shift = 0;
};

std::vector<Shape> shapes() {
  return {
      {"no_rows", 0, 8},
      {"width_1", 3, 1, true},
      {"width_7", 5, 7, true},
      {"one_vector_per_row", 40, 8, true},
      {"block_boundary", 1, 2048, true},
      {"one_vector_past_a_block", 257, 8},
      {"trm_width_1536", 3, 1536, true, true},
      {"odd_width_in_place", 3, 515, true, true},
      {"misaligned_view", 2, 512, true, false, 1},
  };
}

// float32: expf is good to 2 units in the last place on either side, and six roundings follow; |gate| is below 5, so no
// term is larger than the result's factors by more than that. bfloat16: one rounding to 8 bits covers the approximate
// exponential (2^-22) and reciprocal.
template <class T>
constexpr Tolerance kAgainstFloat64 = sizeof(T) == 4 ? Tolerance{0x1p-21, 0x1p-20} : Tolerance{0x1p-16, 0x1p-8};
// Between engines: different expf; a bfloat16 result may round to its neighbour.
template <class T>
constexpr Tolerance kBetweenEngines = sizeof(T) == 4 ? Tolerance{0x1p-21, 0x1p-20} : Tolerance{0x1p-16, 0x1p-7};

template <class T>
struct Problem {
  Shape shape;
  std::vector<T> gate_up, dout;

  explicit Problem(const Shape& of)
      : shape(of),
        gate_up(convert<T>(normal_floats(of.rows * 2 * of.inter, 1))),
        dout(convert<T>(normal_floats(of.rows * of.inter, 2))) {}

  [[nodiscard]] std::vector<T> zeros(size_t n) const { return convert<T>(std::vector<float>(n)); }
  [[nodiscard]] int64_t rows() const { return static_cast<int64_t>(shape.rows); }
  [[nodiscard]] int64_t inter() const { return static_cast<int64_t>(shape.inter); }

  [[nodiscard]] std::vector<Output> run_forward() const {
    DeviceBuffer<T> in("gate_up", Use::input, gate_up, shape.shift);
    DeviceBuffer<T> out("out", Use::output, zeros(dout.size()));
    swiglu_forward_launch<T>(in.data(), out.data(), rows(), inter(), nullptr);
    return {{"out", to_doubles(out.download())}};
  }

  [[nodiscard]] std::vector<Output> run_backward() const {
    const Use use = shape.in_place ? Use::output : Use::input;
    DeviceBuffer<T> in("gate_up", use, gate_up, shape.shift), gradient("dout", use, dout);
    DeviceBuffer<T> separate("d_gate_up", Use::output, zeros(gate_up.size()));
    DeviceBuffer<T> separate_out("out", Use::output, zeros(shape.recompute ? dout.size() : 0));
    const DeviceBuffer<T>& d_gate_up = shape.in_place ? in : separate;
    const DeviceBuffer<T>& out = shape.in_place ? gradient : separate_out;
    swiglu_backward_launch<T>(gradient.data(), in.data(), d_gate_up.data(), shape.recompute ? out.data() : nullptr,
                              rows(), inter(), nullptr);
    return {{"d_gate_up", to_doubles(d_gate_up.download())}, {"out", to_doubles(out.download())}};
  }

  [[nodiscard]] std::vector<Expected> expected(bool backward) const {
    const std::vector<double> in = to_doubles(gate_up), gradient = to_doubles(dout);
    std::vector<double> out, d_gate_up(in.size());
    for (size_t row = 0; row < shape.rows; ++row)
      for (size_t i = 0; i < shape.inter; ++i) {
        const size_t gate_at = row * 2 * shape.inter + i, up_at = gate_at + shape.inter;
        const double gate = in[gate_at], up = in[up_at], d = gradient[row * shape.inter + i];
        const double s = 1 / (1 + std::exp(-gate));
        out.push_back(gate * s * up);
        d_gate_up[gate_at] = d * up * s * (1 + gate * (1 - s));
        d_gate_up[up_at] = d * gate * s;
      }
    if (backward && !shape.recompute) out.clear();
    const Expected forward_result{"out", out, kAgainstFloat64<T>, kBetweenEngines<T>};
    if (!backward) return {forward_result};
    return {{"d_gate_up", d_gate_up, kAgainstFloat64<T>, kBetweenEngines<T>}, forward_result};
  }
};

}  // namespace

std::vector<Case> proof_cases() {
  return forward_and_backward_cases<Problem>(shapes());
}

}  // namespace tern::kernels::test
