#include "tests/kernels/cuda_proof/attention_cases.h"

#include <cmath>

#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {

std::vector<AttentionSetup> attention_setups() {
  constexpr int kAll = kAttentionUnlimited;
  std::vector<AttentionSetup> setups = {
      // head_dim, batch, seq_q, seq_k, heads, kv_heads, keys_left, keys_right, direction, gain, packed
      {"one_token", 64, 1, 1, 1, 1, 1, kAll, kAll, 1},
      {"one_short_of_a_tile", 64, 1, 63, 63, 2, 2, kAll, 0},
      {"one_tile_turned_left", 64, 2, 64, 64, 1, 1, kAll, kAll, 1},
      {"one_past_a_tile_turned_right", 64, 1, 65, 65, 2, 1, kAll, 0, -1},
      {"gpt_with_norm_and_window", 64, 1, 150, 150, 4, 2, 48, 0, -1, 1.2f},
      {"norm_without_rotation", 64, 1, 70, 70, 1, 1, kAll, kAll, 0, 1.0f},
      {"cached_keys_window", 64, 2, 130, 200, 4, 2, 47, 0, 0, 0, false},
      {"cached_keys_turned", 64, 1, 3, 129, 1, 1, kAll, 0, 1, 0, false},
      {"rows_without_a_key", 64, 1, 200, 70, 1, 1, kAll, 0, 0, 0, false},
      {"both_sides_window", 64, 1, 140, 140, 1, 1, 5, 9},
      {"window_of_two_keys", 64, 1, 129, 129, 1, 1, 1, 0},  // a tile's last key is seen by the next tile's first query
      {"wide_one_token", 128, 1, 1, 1, 2, 1, kAll, 0, -1, 1.2f},
      {"wide_rows_without_a_key", 128, 1, 70, 5, 1, 1, kAll, 0, 0, 0, false},
      {"wide_gpt", 128, 1, 129, 129, 2, 1, kAll, 0, -1, 1.2f},
      {"wide_window_turned_left", 128, 1, 161, 161, 1, 1, 70, 0, 1},
      {"trm", 64, 1, 916, 916, 1, 1, kAll, kAll, 1},
      {"wide_causal", 128, 1, 500, 500, 1, 1, kAll, 0},
  };
  setups[setups.size() - 2].large = setups.back().large = true;
  return setups;
}

namespace {

// The measure is a bfloat16 program without fusion (attention_reference.h): a kernel may be twice as far from float64.
// float32 sums add what such a program may lack by luck (one key: its output is exact): `terms` of the size `each`.
Tolerance twice_plain(const std::vector<double>& exact, const std::vector<double>& rounded, double terms, double each) {
  return {2 * largest_difference(exact, rounded) + terms * 0x1p-24 * each, 0};
}

std::vector<Output> run_forward(const AttentionData& data, int row_tiles) {
  const AttentionProblem& problem = data.problem;
  DeviceBuffer<Bf16> qkv("qkv", Use::input, data.qkv());
  DeviceBuffer<float> cos("cos", Use::input, problem.cos), sin("sin", Use::input, problem.sin);
  DeviceBuffer<Bf16> out("out", Use::output, std::vector<Bf16>(problem.q.values.size()));
  DeviceBuffer<float> lse("lse", Use::output, std::vector<float>(problem.q.batch * problem.q.heads * problem.q.seq));
  const AttentionForwardParams params{data.inputs(qkv.data(), cos.data(), sin.data()), tensor_at(out.data(), data.out),
                                      lse.data()};
  if (problem.q.head_dim == 64)
    attention_forward_launch<64>(params, {.forward_row_tiles = row_tiles}, nullptr);
  else
    attention_forward_launch<128>(params, {.forward_row_tiles = row_tiles}, nullptr);
  return {AttentionData::gather("out", out.download(), data.out, problem.q), {"lse", to_doubles(lse.download())}};
}

// Every operation is exactly rounded on both engines, fused multiply-adds are written as such: the outputs are the same
// bit for bit. lse passes through logf, of which host and device have their own, good to 2^-23.
std::vector<Expected> expected_forward(const AttentionData& data) {
  const AttentionResult &exact = data.exact(), &rounded = data.rounded();
  const auto keys = static_cast<double>(data.problem.k.seq), head_dim = static_cast<double>(data.problem.k.head_dim);
  return {
      {"out",
       exact.out.values,
       twice_plain(exact.out.values, rounded.out.values, keys, largest(data.problem.v.values)),
       {}},
      {"lse", exact.lse, twice_plain(exact.lse, rounded.lse, head_dim, largest(exact.lse) + 1), {0x1p-21, 0x1p-22}}};
}

// out and lse come from the reference with the forward kernel's rounding of q and k: the backward pass is judged by
// itself, and engines get the same. Workspaces start as NaN.
enum class Give { gradients, sums_of_dq };

std::vector<Output> run_backward(const AttentionData& data, bool atomics, Give give = Give::gradients) {
  const AttentionProblem& problem = data.problem;
  DeviceBuffer<Bf16> qkv("qkv", Use::input, data.qkv()), dout("dout", Use::input, data.like_out(problem.dout));
  DeviceBuffer<Bf16> out("out", Use::input, data.like_out(data.forward().out));
  DeviceBuffer<float> cos("cos", Use::input, problem.cos), sin("sin", Use::input, problem.sin);
  DeviceBuffer<float> lse("lse", Use::input, {data.forward().lse.begin(), data.forward().lse.end()});
  DeviceBuffer<Bf16> d_qkv("d_qkv", Use::output, std::vector<Bf16>(data.qkv_size()));
  const AttentionConfig config{.dq_by_atomics = atomics};
  const AttentionWorkspace sizes = attention_workspace(problem.shape, static_cast<int>(problem.q.head_dim), config);
  DeviceBuffer<AttentionRowStats> stats("stats", Use::output,
                                        std::vector<AttentionRowStats>(static_cast<size_t>(sizes.stats), {NAN, NAN}));
  DeviceBuffer<float> dq_sum("dq_sum", Use::output, std::vector<float>(static_cast<size_t>(sizes.dq_sum), NAN));
  AttentionBackwardParams params;
  params.in = data.inputs(qkv.data(), cos.data(), sin.data());
  params.out = tensor_at<const Bf16>(out.data(), data.out);
  params.dout = tensor_at<const Bf16>(dout.data(), data.out);
  params.lse = lse.data();
  params.dq = tensor_at(d_qkv.data(), data.q);
  params.dk = tensor_at(d_qkv.data(), data.k);
  params.dv = tensor_at(d_qkv.data(), data.v);
  params.stats = stats.data();
  params.dq_sum = dq_sum.data();
  if (problem.q.head_dim == 64)
    attention_backward_launch<64>(params, config, nullptr);
  else
    attention_backward_launch<128>(params, config, nullptr);
  if (give == Give::sums_of_dq) return {{"dq_sum", to_doubles(dq_sum.download())}};
  const std::vector<Bf16> gradients = d_qkv.download();
  return {AttentionData::gather("dq", gradients, data.q, problem.q),
          AttentionData::gather("dk", gradients, data.k, problem.k),
          AttentionData::gather("dv", gradients, data.v, problem.v)};
}

// The same bit for bit on both engines, as the outputs: blocks run one after another on either, which gives atomics an
// order.
std::vector<Expected> expected_backward(const AttentionData& data) {
  const AttentionResult &exact = data.exact(), &rounded = data.rounded();
  const AttentionProblem& problem = data.problem;
  const auto head_dim = static_cast<double>(problem.k.head_dim), queries = static_cast<double>(problem.q.seq);
  const double dout = largest(problem.dout.values), dweight = dout * largest(problem.v.values) * problem.scale;
  return {{"dq",
           exact.dq.values,
           twice_plain(exact.dq.values, rounded.dq.values, head_dim, dweight * largest(problem.k.values)),
           {}},
          {"dk",
           exact.dk.values,
           twice_plain(exact.dk.values, rounded.dk.values, head_dim, dweight * largest(problem.q.values)),
           {}},
          {"dv", exact.dv.values, twice_plain(exact.dv.values, rounded.dv.values, queries, dout), {}}};
}

}  // namespace

std::vector<Case> proof_cases() {
  std::vector<Case> cases;
  for (const AttentionSetup& setup : attention_setups()) {
    const auto data = std::make_shared<AttentionData>(setup);
    for (int row_tiles : {1, 2}) {
      if (row_tiles == 2 && setup.head_dim != 64) continue;
      cases.push_back({"forward_" + setup.name + (row_tiles == 2 ? "_two_row_tiles" : ""),
                       [data, row_tiles] { return run_forward(*data, row_tiles); },
                       [data] { return expected_forward(*data); }, setup.large});
    }
    for (bool atomics : {false, true}) {
      cases.push_back({"backward_" + setup.name + (atomics ? "_atomics" : ""),
                       [data, atomics] { return run_backward(*data, atomics); },
                       [data] { return expected_backward(*data); }, setup.large});
      if (atomics) cases.back().sums_in_any_order = [data] { return run_backward(*data, true, Give::sums_of_dq); };
    }
  }
  return cases;
}

}  // namespace tern::kernels::test
