#include <cmath>

#include "tests/kernels/cuda_proof/attention_cases.h"
#include "tests/kernels/support/data.h"

namespace tern::kernels::test {
namespace {

HeadTensor normal(size_t batch, size_t heads, size_t seq, size_t head_dim, unsigned seed) {
  HeadTensor tensor(batch, heads, seq, head_dim);
  tensor.values = to_doubles(convert<Bf16>(normal_floats(tensor.values.size(), seed)));
  return tensor;
}

AttentionProblem problem_of(const AttentionSetup& setup) {
  const auto batch = static_cast<size_t>(setup.batch), heads = static_cast<size_t>(setup.heads);
  const auto kv_heads = static_cast<size_t>(setup.kv_heads), head_dim = static_cast<size_t>(setup.head_dim);
  const auto seq_q = static_cast<size_t>(setup.seq_q), seq_k = static_cast<size_t>(setup.seq_k);
  AttentionProblem problem{
      {setup.batch, setup.seq_q, setup.seq_k, setup.heads, setup.kv_heads, setup.keys_left, setup.keys_right},
      normal(batch, heads, seq_q, head_dim, 1),
      normal(batch, kv_heads, seq_k, head_dim, 2),
      normal(batch, kv_heads, seq_k, head_dim, 3),
      normal(batch, heads, seq_q, head_dim, 4),
      {},
      {},
      setup.direction,
      {setup.gain, 1e-6f},
      1 / std::sqrt(static_cast<double>(setup.head_dim))};
  if (setup.direction == 0) return problem;
  for (size_t position = 0; position < seq_k; ++position)
    for (size_t i = 0; i < head_dim / 2; ++i) {
      const double frequency = std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
      problem.cos.push_back(static_cast<float>(std::cos(static_cast<double>(position) * frequency)));
      problem.sin.push_back(static_cast<float>(std::sin(static_cast<double>(position) * frequency)));
    }
  return problem;
}

Place dense(const HeadTensor& tensor, size_t offset) {
  const size_t head = tensor.seq * tensor.head_dim;
  return {offset, static_cast<int64_t>(tensor.heads * head), static_cast<int64_t>(head),
          static_cast<int>(tensor.head_dim)};
}

Place in_tokens(const HeadTensor& tensor, size_t first_head, size_t width) {
  return {first_head * tensor.head_dim, static_cast<int64_t>(tensor.seq * width), static_cast<int64_t>(tensor.head_dim),
          static_cast<int>(width)};
}

size_t index_of(const Place& place, size_t b, size_t h, size_t t) {
  return place.offset + b * static_cast<size_t>(place.batch) + h * static_cast<size_t>(place.head) +
         t * static_cast<size_t>(place.token);
}

template <class F>
void each_row(const HeadTensor& tensor, F f) {
  for (size_t b = 0; b < tensor.batch; ++b)
    for (size_t h = 0; h < tensor.heads; ++h)
      for (size_t t = 0; t < tensor.seq; ++t) f(b, h, t);
}

void scatter(const HeadTensor& tensor, const Place& place, std::vector<Bf16>& buffer) {
  each_row(tensor, [&](size_t b, size_t h, size_t t) {
    for (size_t i = 0; i < tensor.head_dim; ++i)
      buffer[index_of(place, b, h, t) + i] = bf16_of(static_cast<float>(tensor.row(b, h, t)[i]));
  });
}

}  // namespace

AttentionData::AttentionData(const AttentionSetup& setup) : problem(problem_of(setup)) {
  if (setup.packed) {
    const size_t heads = problem.q.heads, kv_heads = problem.k.heads;
    const size_t width = (heads + 2 * kv_heads) * problem.q.head_dim;
    q = in_tokens(problem.q, 0, width);
    k = in_tokens(problem.k, heads, width);
    v = in_tokens(problem.v, heads + kv_heads, width);
    out = in_tokens(problem.q, 0, heads * problem.q.head_dim);
  } else {
    q = dense(problem.q, 0);
    k = dense(problem.k, problem.q.values.size());
    v = dense(problem.v, problem.q.values.size() + problem.k.values.size());
    out = dense(problem.q, 0);
  }
}

const AttentionResult& AttentionData::lazily(std::unique_ptr<AttentionResult>& result, Precision precision) const {
  if (!result) result = std::make_unique<AttentionResult>(plain_attention(problem, precision));
  return *result;
}

std::vector<Bf16> AttentionData::qkv() const {
  std::vector<Bf16> buffer(qkv_size());
  scatter(problem.q, q, buffer);
  scatter(problem.k, k, buffer);
  scatter(problem.v, v, buffer);
  return buffer;
}

std::vector<Bf16> AttentionData::like_out(const HeadTensor& values) const {
  std::vector<Bf16> buffer(values.values.size());
  scatter(values, out, buffer);
  return buffer;
}

AttentionInputs AttentionData::inputs(const Bf16* device_qkv, const float* cos, const float* sin) const {
  AttentionInputs in;
  in.q = tensor_at(device_qkv, q);
  in.k = tensor_at(device_qkv, k);
  in.v = tensor_at(device_qkv, v);
  in.shape = problem.shape;
  if (!problem.cos.empty()) in.rotation = {cos, sin, problem.direction};
  in.norm = problem.norm;
  in.scale_log2 = static_cast<float>(problem.scale * 1.4426950408889634);
  return in;
}

Output AttentionData::gather(const std::string& name, const std::vector<Bf16>& buffer, const Place& place,
                             const HeadTensor& shape) {
  Output output{name, {}};
  each_row(shape, [&](size_t b, size_t h, size_t t) {
    for (size_t i = 0; i < shape.head_dim; ++i) output.values.push_back(float_of(buffer[index_of(place, b, h, t) + i]));
  });
  return output;
}

}  // namespace tern::kernels::test
