#include "tests/kernels/cuda_proof/attention_reference.h"

#include <algorithm>
#include <cmath>

#include "tests/kernels/support/data.h"

namespace tern::kernels::test {
namespace {

using Row = std::vector<double>;

class Plain {
 public:
  Plain(const AttentionProblem& problem, Precision precision) : p_(problem), precision_(precision) {}
  AttentionResult run();

 private:
  [[nodiscard]] double round(double value) const {
    return precision_ == Precision::bfloat16 ? round_to_bfloat16(value) : value;
  }
  void round(Row& row) const {
    for (double& value : row) value = round(value);
  }
  // Position of a query or key for the rotation.
  [[nodiscard]] Row rotated(const Row& row, long position, double direction) const;
  struct Prepared {
    Row turned, ready;  // after the rotation, and after the norm
    double rstd = 1;
  };
  [[nodiscard]] Prepared prepare(const double* row, long position) const;
  [[nodiscard]] Prepared rounded_once(Prepared prepared) const {
    if (precision_ == Precision::prepared)
      for (double& value : prepared.ready) value = round_to_bfloat16(value);
    return prepared;
  }
  // Derivative with respect to the raw row, from that with respect to the prepared one.
  [[nodiscard]] Row unprepare(Row gradient, const Prepared& prepared, long position) const;
  [[nodiscard]] bool visible(long query, long key) const {
    const long position = query + shift();
    return key <= position + p_.shape.keys_right && key >= position - p_.shape.keys_left;
  }
  [[nodiscard]] long shift() const { return p_.shape.seq_k - p_.shape.seq_q; }
  void attend(size_t b, size_t h);

  const AttentionProblem& p_;
  Precision precision_;
  AttentionResult result_{HeadTensor(p_.q), HeadTensor(p_.q), HeadTensor(p_.k), HeadTensor(p_.k), {}};
  std::vector<Row> dk_, dv_;  // of the prepared keys, [batch, kv heads, seq]
};

double dot(const double* a, const double* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

Row Plain::rotated(const Row& row, long position, double direction) const {
  if (p_.cos.empty()) return row;
  Row result(row.size());
  const size_t half = row.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const double c = p_.cos[static_cast<size_t>(position) * half + i];
    const double s = p_.sin[static_cast<size_t>(position) * half + i] * direction;
    result[i] = row[i] * c - row[i + half] * s;
    result[i + half] = row[i + half] * c + row[i] * s;
  }
  round(result);
  return result;
}

Plain::Prepared Plain::prepare(const double* row, long position) const {
  Prepared prepared;
  prepared.turned = rotated(Row(row, row + p_.q.head_dim), position, p_.direction);
  prepared.ready = prepared.turned;
  if (p_.norm.gain == 0) return rounded_once(prepared);
  const Row& x = prepared.turned;
  prepared.rstd = 1 / std::sqrt(dot(x.data(), x.data(), x.size()) / static_cast<double>(x.size()) + p_.norm.eps);
  for (double& value : prepared.ready) value = round(round(value * prepared.rstd) * p_.norm.gain);
  return rounded_once(prepared);
}

Row Plain::unprepare(Row gradient, const Prepared& prepared, long position) const {
  round(gradient);
  if (p_.norm.gain != 0) {
    const double n = static_cast<double>(gradient.size());
    for (double& value : gradient) value = round(value * p_.norm.gain);
    Row unit(prepared.turned);
    for (double& value : unit) value = round(value * prepared.rstd);
    const double mean = dot(gradient.data(), unit.data(), unit.size()) / n;
    for (size_t i = 0; i < unit.size(); ++i) gradient[i] = round(prepared.rstd * (gradient[i] - unit[i] * mean));
  }
  return rotated(gradient, position, -p_.direction);
}

void add_scaled(Row& to, double factor, const double* from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

void Plain::attend(size_t b, size_t h) {
  const size_t group = p_.q.heads / p_.k.heads, kv = h / group, n = p_.k.seq, d = p_.q.head_dim;
  std::vector<Prepared> keys;
  for (size_t j = 0; j < n; ++j) keys.push_back(prepare(p_.k.row(b, kv, j), static_cast<long>(j)));
  std::vector<Row> dk(n, Row(d)), dv(n, Row(d));
  for (size_t t = 0; t < p_.q.seq; ++t) {
    const Prepared query = prepare(p_.q.row(b, h, t), static_cast<long>(t) + shift());
    const double* dout = p_.dout.row(b, h, t);
    Row weights(n, -INFINITY);
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; ++j) {
      if (!visible(static_cast<long>(t), static_cast<long>(j))) continue;
      weights[j] = dot(query.ready.data(), keys[j].ready.data(), d) * p_.scale;
      most = std::max(most, weights[j]);
    }
    for (size_t j = 0; j < n; ++j) sum += weights[j] == -INFINITY ? 0 : std::exp(weights[j] - most);
    result_.lse.push_back(sum > 0 ? most + std::log(sum) : -INFINITY);
    Row out(d), dq(d), dweights(n);
    double delta = 0;
    for (size_t j = 0; j < n; ++j) {
      weights[j] = weights[j] == -INFINITY ? 0 : round(std::exp(round(weights[j]) - most) / sum);
      if (weights[j] == 0) continue;
      add_scaled(out, weights[j], p_.v.row(b, kv, j));
      add_scaled(dv[j], weights[j], dout);
      dweights[j] = round(dot(dout, p_.v.row(b, kv, j), d));
      delta += weights[j] * dweights[j];
    }
    for (size_t j = 0; j < n; ++j) {
      if (weights[j] == 0) continue;
      const double dscore = round(round(weights[j] * (dweights[j] - delta)) * p_.scale);
      add_scaled(dq, dscore, keys[j].ready.data());
      add_scaled(dk[j], dscore, query.ready.data());
    }
    round(out);
    std::copy(out.begin(), out.end(), result_.out.row(b, h, t));
    const Row raw = unprepare(dq, query, static_cast<long>(t) + shift());
    std::copy(raw.begin(), raw.end(), result_.dq.row(b, h, t));
  }
  for (size_t j = 0; j < n; ++j) {  // heads of a group add up
    round(dk[j]);
    round(dv[j]);
    add_scaled(dk_[(b * p_.k.heads + kv) * n + j], 1, dk[j].data());
    add_scaled(dv_[(b * p_.k.heads + kv) * n + j], 1, dv[j].data());
  }
  if (h % group + 1 < group) return;
  for (size_t j = 0; j < n; ++j) {
    const Row raw = unprepare(dk_[(b * p_.k.heads + kv) * n + j], keys[j], static_cast<long>(j));
    std::copy(raw.begin(), raw.end(), result_.dk.row(b, kv, j));
    Row& values = dv_[(b * p_.k.heads + kv) * n + j];
    round(values);
    std::copy(values.begin(), values.end(), result_.dv.row(b, kv, j));
  }
}

AttentionResult Plain::run() {
  dk_.assign(p_.k.batch * p_.k.heads * p_.k.seq, Row(p_.k.head_dim));
  dv_ = dk_;
  for (size_t b = 0; b < p_.q.batch; ++b)
    for (size_t h = 0; h < p_.q.heads; ++h) attend(b, h);
  return result_;
}

}  // namespace

AttentionResult plain_attention(const AttentionProblem& problem, Precision precision) {
  return Plain(problem, precision).run();
}

double round_to_bfloat16(double value) {
  return float_of(bf16_of(static_cast<float>(value)));
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (double value : values)
    if (std::isfinite(value)) most = std::max(most, std::fabs(value));
  return most;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) most = std::max(most, std::fabs(a[i] - b[i]));
  return most;
}

}  // namespace tern::kernels::test
