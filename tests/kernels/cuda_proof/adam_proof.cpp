#include "tests/kernels/cuda_proof/adam_proof.h"

#include <cmath>

namespace tern::kernels::test {
namespace {

// One parameter's buffers on the device.
struct Buffers {
  DeviceBuffer<float> param, grad, m, v, ema;
  DeviceBuffer<Bf16> shadow;
};

}  // namespace

AdamProof::Inputs AdamProof::inputs(size_t tensor) const {
  const size_t n = shapes_[tensor].size;
  const auto seed = static_cast<unsigned>(10 * tensor);
  Inputs in{normal_floats(n, seed), normal_floats(n, seed + 1), normal_floats(n, seed + 2, 0.1f),
            normal_floats(n, seed + 3, 0.01f), normal_floats(n, seed + 4)};
  for (float& v : in.v) v = std::fabs(v);
  // Weights that never had a gradient: atan2(0, 0), 0 / eps.
  for (size_t i = 0; i < n; i += 5) in.grad[i] = in.m[i] = in.v[i] = 0;
  return in;
}

std::vector<Output> AdamProof::run() const {
  std::vector<std::unique_ptr<Buffers>> buffers;
  std::vector<AdamPointers> pointers;
  for (size_t i = 0; i < shapes_.size(); ++i) {
    const AdamShape& shape = shapes_[i];
    const Inputs in = inputs(i);
    const size_t s = shape.shift;
    const std::vector<float> no_floats;
    buffers.push_back(std::unique_ptr<Buffers>(
        new Buffers{{"param", Use::output, in.param, s},
                    {"grad", Use::input, in.grad, s},
                    {"exp_avg", Use::output, in.m, s},
                    {"exp_avg_sq", Use::output, in.v, s},
                    {"ema", Use::output, shape.ema ? in.ema : no_floats, s},
                    {"shadow", Use::output, convert<Bf16>(shape.shadow ? in.param : no_floats), s}}));
    const Buffers& b = *buffers.back();
    pointers.push_back({b.param.data(), b.grad.data(), b.m.data(), b.v.data(), shape.ema ? b.ema.data() : nullptr,
                        shape.shadow ? b.shadow.data() : nullptr, static_cast<int64_t>(shape.size)});
  }
  launch_(pointers, kConstants);
  std::vector<Output> outputs{{"param", {}}, {"exp_avg", {}}, {"exp_avg_sq", {}}, {"ema", {}}, {"shadow", {}}};
  for (const auto& b : buffers) {
    append(outputs[0].values, to_doubles(b->param.download()));
    append(outputs[1].values, to_doubles(b->m.download()));
    append(outputs[2].values, to_doubles(b->v.download()));
    append(outputs[3].values, to_doubles(b->ema.download()));
    append(outputs[4].values, to_doubles(b->shadow.download()));
  }
  return outputs;
}

// Tolerances: every value goes through at most three float32 roundings (2^-24 each, of values of size about 1); the
// shadow is rounded once more, to 8 bits.
std::vector<Expected> AdamProof::expected() const {
  const Tolerance rounding{3 * 0x1p-24, 3 * 0x1p-24}, shadow_rounding{0x1p-24, 0x1p-8};
  const Tolerance shadow_flip{
      0, engines_param_.absolute > 0 ? 0x1p-7 : 0};  // a neighbouring param may round the other way
  std::vector<Expected> all{{"param", {}, rounding, engines_param_},
                            {"exp_avg", {}, rounding, {}},
                            {"exp_avg_sq", {}, rounding, {}},
                            {"ema", {}, rounding, engines_param_},
                            {"shadow", {}, shadow_rounding, shadow_flip}};
  for (size_t t = 0; t < shapes_.size(); ++t) {
    const Inputs in = inputs(t);
    for (size_t i = 0; i < shapes_[t].size; ++i) {
      const double g = in.grad[i], m = in.m[i] + double{kConstants.weight1} * (g - in.m[i]);
      const double v = in.v[i] + double{kConstants.weight2} * (g * g - in.v[i]);
      const double param = double{in.param[i]} * kConstants.decay - kConstants.step_size * direction_(m, v);
      all[0].values.push_back(param);
      all[1].values.push_back(m);
      all[2].values.push_back(v);
      if (shapes_[t].ema) all[3].values.push_back(in.ema[i] + kConstants.ema_weight * (param - in.ema[i]));
      if (shapes_[t].shadow) all[4].values.push_back(param);
    }
  }
  return all;
}

std::vector<Case> adam_cases(const AdamProof::Launch& launch, const Direction& direction, Tolerance engines_param) {
  std::vector<AdamShape> many(100);
  for (size_t i = 0; i < many.size(); ++i) many[i] = {1 + i * 7 % 31, i % 4};
  const std::vector<std::pair<std::string, std::vector<AdamShape>>> shapes = {
      {"sizes_around_the_vector", {{1}, {2}, {3}, {4}, {5}, {7}, {8}, {9}}},
      {"sizes_around_block_and_chunk", {{1023}, {1024}, {1025}, {8191}, {8192}, {8193}, {20000}}},
      {"misaligned_views", {{1000, 1}, {1001, 2}, {8195, 3}, {1000, 4}}},
      {"without_ema_or_shadow", {{1003, 0, false, true}, {1003, 1, true, false}, {1003, 0, false, false}}},
      {"empty_tensors", {{0}, {5}, {0}}},
      {"nothing_at_all", {}},
      {"more_tensors_than_a_launch_takes", many},
      {"more_chunks_than_a_launch_takes", {{10}, {size_t{kAdamMaxBlocks} * kAdamChunk + 3, 0, false, false}, {10}}},
  };
  std::vector<Case> cases;
  for (const auto& [name, list] : shapes) {
    const auto proof = std::make_shared<AdamProof>(list, launch, direction, engines_param);
    cases.push_back({name, [proof] { return proof->run(); }, [proof] { return proof->expected(); },
                     name == "more_chunks_than_a_launch_takes"});
  }
  return cases;
}

}  // namespace tern::kernels::test
