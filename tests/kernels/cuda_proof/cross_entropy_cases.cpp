#include <cmath>
#include <limits>

#include "kernels/cross_entropy/cross_entropy.cuh"
#include "tests/kernels/cuda_proof/proof.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {
namespace {

enum class Want { all, forward, backward };

struct Shape {
  std::string name;
  size_t rows, width;
  size_t vocab = 0;  // 0: width
  size_t seq_len = 1;
  float softcap = 0;
  float scale = 2;  // of the logits
  float offset = 0;
  float margin = 8;  // of every third row's label over the mean
  Want want = Want::all;
  bool in_place = false;  // d_logits is logits
  size_t shift = 0;
  bool special = false;  // NaN, infinities and labels out of range
  bool large = false;
};

std::vector<Shape> shapes() {
  return {
      {.name = "no_rows", .rows = 0, .width = 12},
      {.name = "width_1", .rows = 3, .width = 1},
      {.name = "trm_vocabulary", .rows = 54, .width = 12, .seq_len = 9},
      {.name = "trm_vocabulary_one_sequence", .rows = 40, .width = 12, .seq_len = 40, .in_place = true},
      {.name = "trm_vocabulary_certain", .rows = 12, .width = 12, .scale = 30, .margin = 120},
      {.name = "trm_vocabulary_forward", .rows = 7, .width = 12, .want = Want::forward},
      {.name = "trm_vocabulary_backward", .rows = 7, .width = 12, .want = Want::backward},
      {.name = "padded_11_of_16", .rows = 33, .width = 16, .vocab = 11, .seq_len = 33, .shift = 1},
      {.name = "small_special", .rows = 18, .width = 14, .vocab = 12, .special = true},
      {.name = "small_special_capped", .rows = 18, .width = 14, .vocab = 12, .softcap = 5, .special = true},
      {.name = "warp_17_capped", .rows = 5, .width = 17, .softcap = 15, .scale = 12},
      {.name = "warp_256", .rows = 6, .width = 256, .vocab = 250, .seq_len = 3, .in_place = true},
      {.name = "warp_special", .rows = 18, .width = 40, .vocab = 33, .special = true},
      {.name = "block_257", .rows = 3, .width = 257, .vocab = 256, .in_place = true},
      {.name = "block_misaligned_view", .rows = 2, .width = 264, .vocab = 259, .seq_len = 2, .shift = 1},
      {.name = "block_264_padded_within_a_vector", .rows = 4, .width = 264, .vocab = 259, .seq_len = 2, .softcap = 15},
      {.name = "block_4104_certain", .rows = 2, .width = 4104, .scale = 30, .margin = 120, .in_place = true},
      {.name = "block_600_forward", .rows = 2, .width = 600, .want = Want::forward},
      {.name = "block_600_backward", .rows = 2, .width = 600, .want = Want::backward},
      {.name = "block_special", .rows = 18, .width = 272, .vocab = 270, .special = true},
      {.name = "gpt_32768_capped", .rows = 2, .width = 32768, .vocab = 32760, .softcap = 15, .scale = 6, .large = true},
      // A certain row whose loss depends on digits of the others that its own logit's exponent has no room for.
      {.name = "block_264_far", .rows = 16, .width = 264, .scale = 0.5f, .margin = 36},
      // Each addition to a plain float32 sum from 64 on would lose the same half unit.
      {.name = "block_65535_drift",
       .rows = 1,
       .width = 65535,
       .scale = 0,
       .offset = 0.49f * 0x1p-17f,
       .margin = 0,
       .large = true},
      {.name = "gpt_65536", .rows = 1, .width = 65536, .in_place = true, .large = true},
  };
}

constexpr int64_t kIgnore = -100;

template <class T>
struct Problem {
  Shape shape;
  bool stablemax;
  size_t vocab;
  std::vector<T> logits;
  std::vector<int64_t> labels;
  std::vector<float> row_grad;

  Problem(const Shape& of, bool with_stablemax)
      : shape(of), stablemax(with_stablemax), vocab(of.vocab ? of.vocab : of.width) {
    std::vector<float> x = normal_floats(of.rows * of.width, 1, of.scale);
    row_grad = normal_floats(of.rows, 2);
    for (size_t row = 0; row < of.rows; ++row) {
      labels.push_back(row % 5 == 4 ? kIgnore : static_cast<int64_t>((row * 7 + of.width * 5 / 7) % vocab));
      // Padding is garbage; every third row is right, and certain of it where scale is large.
      for (size_t j = vocab; j < of.width; ++j) x[row * of.width + j] = NAN;
      if (row % 3 == 0 && labels[row] >= 0) x[row * of.width + static_cast<size_t>(labels[row])] = of.margin;
    }
    for (float& value : x) value += of.offset;
    if (of.special) make_special(x);
    logits = convert<T>(x);
  }

  void make_special(std::vector<float>& x) {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const auto at = [&](size_t row, size_t column) -> float& { return x[row * shape.width + column]; };
    const auto fill = [&](size_t row, float value) {
      for (size_t j = 0; j < vocab; ++j) at(row, j) = value;
    };
    at(0, 7) = nan;
    at(1, 3) = nan, at(1, 9) = nan, labels[1] = 9;  // the label's own, but the first counts
    at(2, static_cast<size_t>(labels[2])) = inf;
    fill(3, -inf), labels[3] = kIgnore;
    fill(4, -inf), at(4, 5) = 1.0f, labels[4] = 5;
    at(5, 0) = at(5, 2) = -inf, labels[5] = 3;
    fill(6, 1.5f), labels[6] = 0;  // ties: the first, which is the label
    fill(7, 1.5f), labels[7] = 2;  // ties: not the label
    at(8, 4) = 0.0f, at(8, 2) = -0.0f;
    labels[10] = static_cast<int64_t>(vocab);
    labels[11] = -1;
    labels[12] = int64_t{1} << 32;  // in range, if it were 32 bits wide
    fill(13, -1e30f), at(13, 1) = 1e30f, labels[13] = 6;
    fill(15, -5e37f), labels[15] = 1;
    at(16, 6) = nan, labels[16] = kIgnore;
  }

  [[nodiscard]] std::vector<Output> run() const {
    const bool forward = shape.want != Want::backward, backward = shape.want != Want::forward;
    const size_t sequences = shape.rows / shape.seq_len;
    DeviceBuffer<T> x("logits", shape.in_place ? Use::output : Use::input, logits, shape.shift);
    DeviceBuffer<int64_t> label("labels", Use::input, labels);
    DeviceBuffer<float> grad("row_grad", Use::input, backward ? row_grad : std::vector<float>());
    DeviceBuffer<float> loss("loss", Use::output, std::vector<float>(forward ? shape.rows : 0));
    DeviceBuffer<int64_t> argmax("argmax", Use::output, std::vector<int64_t>(forward ? shape.rows : 0));
    // Counts are added to.
    const std::vector<int64_t> before(forward ? sequences : 0, 1000);
    DeviceBuffer<int64_t> valid("valid_count", Use::output, before), correct("correct_count", Use::output, before);
    DeviceBuffer<T> separate("d_logits", Use::output, backward && !shape.in_place ? logits : std::vector<T>(),
                             shape.shift);
    const DeviceBuffer<T>& d_logits = shape.in_place ? x : separate;
    cross_entropy_launch<T>({.logits = x.data(),
                             .labels = label.data(),
                             .row_grad = backward ? grad.data() : nullptr,
                             .loss = forward ? loss.data() : nullptr,
                             .argmax = forward ? argmax.data() : nullptr,
                             .valid_count = forward ? valid.data() : nullptr,
                             .correct_count = forward ? correct.data() : nullptr,
                             .d_logits = backward ? d_logits.data() : nullptr,
                             .rows = static_cast<int64_t>(shape.rows),
                             .seq_len = static_cast<int64_t>(shape.seq_len),
                             .ignore_index = kIgnore,
                             .width = static_cast<int>(shape.width),
                             .vocab = static_cast<int>(vocab),
                             .softcap = shape.softcap},
                            stablemax, nullptr);
    return {{"loss", to_doubles(loss.download())},
            {"argmax", to_doubles(argmax.download())},
            {"valid_count", to_doubles(valid.download())},
            {"correct_count", to_doubles(correct.download())},
            {"d_logits", to_doubles(d_logits.download())}};
  }

  struct Row {
    double loss = 0;
    int64_t argmax = 0;
    std::vector<double> d_logits;
  };

  [[nodiscard]] static double s(double z) { return z < 0 ? 1 / (1 - z) : z + 1; }
  [[nodiscard]] double z(double x) const {
    return shape.softcap == 0 ? x : shape.softcap * std::tanh(x / shape.softcap);
  }
  [[nodiscard]] double z_slope(double x) const {
    return shape.softcap == 0 ? 1 : 1 / std::pow(std::cosh(x / shape.softcap), 2);
  }

  // Formulas of cross_entropy.h, term by term.
  [[nodiscard]] Row expected_row(size_t row, const std::vector<double>& all) const {
    const double* x = &all[row * shape.width];
    Row result;
    result.d_logits.resize(shape.width);
    size_t best = 0;
    for (size_t j = 1; j < vocab; ++j)
      if (x[j] > x[best] || (std::isnan(x[j]) && !std::isnan(x[best]))) best = j;
    result.argmax = static_cast<int64_t>(best);
    const int64_t label = labels[row];
    if (label == kIgnore) return result;
    double largest = z(x[best]), sum = 0;
    const auto term = [&](size_t j) { return stablemax ? s(z(x[j])) : std::exp(z(x[j]) - largest); };
    for (size_t j = 0; j < vocab; ++j) sum += term(j);
    const bool in_range = label >= 0 && label < static_cast<int64_t>(vocab);
    const size_t at = in_range ? static_cast<size_t>(label) : vocab;
    const bool is_defined = in_range && !std::isinf(term(at));
    if (!is_defined) sum = NAN;
    double rest = is_defined ? 0 : NAN;
    for (size_t j = 0; j < vocab; ++j) rest += j == at ? 0 : term(j);
    if (!is_defined)
      result.loss = NAN;
    else if (stablemax)
      result.loss = std::log1p(rest / term(at));
    else
      result.loss = largest - z(x[at]) + (z(x[at]) == largest ? std::log1p(rest) : std::log(sum));
    for (size_t j = 0; j < vocab; ++j) {
      double by_z = stablemax ? (z(x[j]) < 0 ? std::pow(s(z(x[j])), 2) : 1) / sum : term(j) / sum;
      if (j == at) by_z *= stablemax ? -rest / s(z(x[j])) : 1;
      if (j == at && !stablemax) by_z = -rest / sum;
      result.d_logits[j] = row_grad[row] * by_z * z_slope(x[j]);
    }
    return result;
  }

  // Stablemax: 1e-6 relative to float64. Softmax: exponents of up to 100 are rounded to 24 bits in the gradient, and a
  // capped logit by 4 units in its last place (2^-24 of the cap) in the loss too. What is below the smallest normal
  // float may be flushed.
  [[nodiscard]] std::vector<Tolerance> tolerances() const {
    const double cap_error = 4 * 0x1p-24 * shape.softcap, tiny = 0x1p-126 * 8;
    const Tolerance loss{stablemax ? tiny : tiny + cap_error, 1e-6};
    const double gradient = stablemax ? 1e-6 : 1e-6 + cap_error + 0x1p-24 * 100;
    return {loss, {tiny, sizeof(T) == 4 ? gradient : gradient + 0x1p-8}};
  }

  [[nodiscard]] std::vector<Expected> expected() const {
    const bool forward = shape.want != Want::backward, backward = shape.want != Want::forward;
    const std::vector<double> x = to_doubles(logits);
    const auto [loss_tolerance, gradient_tolerance] = std::pair{tolerances()[0], tolerances()[1]};
    // Between engines: expf, logf and tanhf of CUDA and glibc; a bfloat16 result may round to its neighbour.
    Expected loss{"loss", {}, loss_tolerance, loss_tolerance};
    Expected argmax{"argmax", {}, {}, {}}, valid{"valid_count", {}, {}, {}}, correct{"correct_count", {}, {}, {}};
    Expected d_logits{
        "d_logits", {}, gradient_tolerance, {gradient_tolerance.absolute, gradient_tolerance.relative * 2}};
    for (size_t i = 0; forward && i < shape.rows / shape.seq_len; ++i) {
      valid.values.push_back(1000);
      correct.values.push_back(1000);
    }
    for (size_t row = 0; row < shape.rows; ++row) {
      const Row one = expected_row(row, x);
      if (forward) {
        loss.values.push_back(one.loss);
        argmax.values.push_back(static_cast<double>(one.argmax));
        valid.values[row / shape.seq_len] += labels[row] != kIgnore;
        correct.values[row / shape.seq_len] += labels[row] != kIgnore && labels[row] == one.argmax;
      }
      if (backward) append(d_logits.values, one.d_logits);
    }
    return {loss, argmax, valid, correct, d_logits};
  }
};

template <class T>
void add_cases(std::vector<Case>& cases, const std::string& dtype) {
  for (const bool stablemax : {true, false})
    for (const Shape& shape : shapes())
      cases.push_back({(stablemax ? "stablemax_" : "softmax_") + dtype + "_" + shape.name,
                       [=] { return Problem<T>(shape, stablemax).run(); },
                       [=] { return Problem<T>(shape, stablemax).expected(); }, shape.large});
}

}  // namespace

std::vector<Case> proof_cases() {
  std::vector<Case> cases;
  add_cases<float>(cases, "float32");
  add_cases<Bf16>(cases, "bfloat16");
  return cases;
}

}  // namespace tern::kernels::test
