#include <algorithm>
#include <limits>
#include <map>

#include "kernels/sign_sgd/sign_sgd.cuh"
#include "tests/kernels/cuda_proof/typed_cases.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

struct Shape {
  std::string name;
  size_t count, num_rows, width;
  size_t shift = 0;      // elements by which weights and gradients miss 16-byte alignment
  bool bad_ids = false;  // some are out of range
  bool cancels = false;  // gradients whose sum depends on the order
  bool large = false;
};

std::vector<Shape> shapes() {
  return {
      {"no_ids", 0, 4, 8},
      {"one_id", 1, 3, 8},
      {"width_1", 9, 4, 1},
      {"all_alike", 20, 1, 16},
      {"all_different", 30, 30, 8},
      {"trm_width_512", 24, 7, 512},
      {"past_a_turn", 6, 3, 1032},
      {"odd_width", 12, 5, 131},
      {"misaligned_view", 10, 4, 64, 1},
      {"one_tile", 256, 60, 8},
      {"past_a_tile", 257, 200, 8},
      {"order_matters", 12, 2, 24, 0, false, true},
      {"order_matters_element_wise", 12, 2, 21, 0, false, true},
      {"ids_out_of_range", 40, 9, 16, 0, true},
      {"ids_out_of_range_element_wise", 40, 9, 15, 0, true},
      {"trm_batch_768", 768, 400, 16, 0, false, false, true},
  };
}

template <class G>
struct Problem {
  Shape shape;
  std::vector<float> weights;
  std::vector<G> grads;
  std::vector<int64_t> ids;

  explicit Problem(const Shape& of) : shape(of), weights(normal_floats(of.num_rows * of.width, 1)) {
    std::vector<float> values = normal_floats(of.count * of.width, 2);
    for (size_t i = 0; i < of.count; ++i) ids.push_back(static_cast<int64_t>(i * 7919 % 1009 * 31 % of.num_rows));
    if (of.cancels) {
      const float steps[] = {0x1p30f, 1.0f, -0x1p30f, 0.5f, -1.0f};
      for (size_t i = 0; i < values.size(); ++i) values[i] = steps[(i / of.width + i % of.width) % 5];
    }
    if (of.bad_ids) ids[3] = ids[7] = -1, ids[11] = static_cast<int64_t>(of.num_rows), ids[20] = int64_t{1} << 40;
    if (of.count > 5) {
      values[0] = std::numeric_limits<float>::quiet_NaN();
      for (size_t i = 1; i < values.size(); i += of.width) values[i] = 0;  // no sign
    }
    grads = convert<G>(values);
  }

  static constexpr SignSgdStep kStep{1 - 1e-2f * 0.1f, 1e-2f};

  [[nodiscard]] std::vector<Output> run() const {
    DeviceBuffer<float> w("weights", Use::output, weights, shape.shift);
    DeviceBuffer<G> g("grads", Use::input, grads, shape.shift);
    DeviceBuffer<int64_t> id("ids", Use::input, ids);
    DeviceBuffer<int> order("order", Use::output, std::vector<int>(shape.count)), bad("bad_ids", Use::output, {100});
    sign_sgd_launch<G>(w.data(), g.data(), id.data(), order.data(), bad.data(), static_cast<int>(shape.count),
                       static_cast<int64_t>(shape.num_rows), static_cast<int>(shape.width), kStep, nullptr);
    return {{"weights", to_doubles(w.download())},
            {"order", to_doubles(order.download())},
            {"bad_ids", to_doubles(bad.download())}};
  }

  [[nodiscard]] std::vector<Expected> expected() const {
    std::vector<double> stepped = to_doubles(weights), order;
    std::map<int64_t, std::vector<size_t>> places;  // of each id, in order of appearance
    for (size_t i = 0; i < ids.size(); ++i) places[ids[i]].push_back(i);
    double bad = 100;
    for (const auto& [id, list] : places) {
      for (size_t i : list) order.push_back(static_cast<double>(i));
      if (id < 0 || id >= static_cast<int64_t>(shape.num_rows)) {
        ++bad;
        continue;
      }
      for (size_t column = 0; column < shape.width; ++column) {
        float sum = 0;  // the order of the sum is part of the contract, hence float32
        for (size_t i : list) sum += static_cast<float>(to_doubles(std::vector<G>{grads[i * shape.width + column]})[0]);
        const double sign = sum > 0 ? 1 : sum < 0 ? -1 : 0;
        double& weight = stepped[static_cast<size_t>(id) * shape.width + column];
        weight = weight * kStep.decay - kStep.lr * sign;
      }
    }
    // Two roundings of values of size lr or above.
    return {{"weights", stepped, {2 * 0x1p-24 * 0.01, 2 * 0x1p-24}, {}},
            {"order", order, {}, {}},
            {"bad_ids", {bad}, {}, {}}};
  }
};

}  // namespace

std::vector<Case> proof_cases() {
  return single_cases<Problem>(shapes());
}

}  // namespace tern::kernels::test
