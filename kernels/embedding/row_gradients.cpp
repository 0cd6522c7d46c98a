#include "kernels/embedding/row_gradients.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_sparse_coo_tensor_unsafe.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "base/error.h"
#include "kernels/common/check.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "row_gradients";
constexpr int64_t kGrainElements = int64_t{1} << 14;  // of a thread's share, at least

std::span<const int64_t> integers(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<int64_t>(), static_cast<size_t>(tensor.numel())};
}

// The reads of a pass, sorted by row; those of one row stay in their order.
struct Reads {
  std::vector<int64_t> positions;  // in the text, by row
  std::vector<int64_t> starts;     // in positions, of each row that was read, and the end

  explicit Reads(std::span<const int64_t> ids) : positions(ids.size()) {
    const auto row = [&](int64_t position) { return ids[static_cast<size_t>(position)]; };
    std::iota(positions.begin(), positions.end(), 0);
    std::ranges::stable_sort(positions, {}, row);
    for (size_t i = 0; i < positions.size(); ++i) {
      if (i == 0 || row(positions[i]) != row(positions[i - 1])) starts.push_back(static_cast<int64_t>(i));
    }
    starts.push_back(static_cast<int64_t>(positions.size()));
  }

  [[nodiscard]] int64_t rows() const { return static_cast<int64_t>(starts.size()) - 1; }
  [[nodiscard]] std::span<const int64_t> of_row(int64_t i) const {
    const auto begin = static_cast<size_t>(starts[static_cast<size_t>(i)]);
    return std::span(positions).subspan(begin, static_cast<size_t>(starts[static_cast<size_t>(i) + 1]) - begin);
  }
};

template <class T>
void add_up(const Reads& reads, const T* gradient, int64_t width, T* values) {
  const int64_t grain = std::max<int64_t>(kGrainElements / std::max<int64_t>(width, 1), 1);
  at::parallel_for(0, reads.rows(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* sum = values + row * width;
      std::fill(sum, sum + width, T(0));
      for (const int64_t position : reads.of_row(row)) {
        const T* add = gradient + position * width;
        for (int64_t i = 0; i < width; ++i) sum[i] += add[i];
      }
    }
  });
}

}  // namespace

RowGradients RowGradients::narrow(int64_t first, int64_t count) const {
  const auto all = integers(rows);
  const int64_t begin = std::ranges::lower_bound(all, first) - all.begin();
  const int64_t end = std::ranges::lower_bound(all, first + count) - all.begin();
  return {.rows = rows.narrow(0, begin, end - begin) - first, .values = values.narrow(0, begin, end - begin)};
}

at::Tensor make_row_gradients(const at::Tensor& ids, const at::Tensor& gradient, int64_t table_rows) {
  ArgumentCheck(kOp, "ids", ids).on_cpu().dtype({at::kLong});
  at::DimVector expected(ids.sizes());
  expected.push_back(-1);
  ArgumentCheck(kOp, "gradient", gradient).on_cpu().dtype({at::kFloat, at::kDouble}).shape(expected);
  const at::NoGradGuard no_grad;
  const at::Tensor flat_ids = ids.contiguous(), from = gradient.contiguous();
  const Reads reads(integers(flat_ids));
  const int64_t width = gradient.size(-1);
  const at::Tensor rows = at::empty({1, reads.rows()}, at::kLong);
  for (int64_t i = 0; i < reads.rows(); ++i) {
    rows.mutable_data_ptr<int64_t>()[i] = integers(flat_ids)[static_cast<size_t>(reads.of_row(i).front())];
  }
  const at::Tensor values = at::empty({reads.rows(), width}, gradient.options());
  const auto run = [&]<class T>() { add_up(reads, from.const_data_ptr<T>(), width, values.mutable_data_ptr<T>()); };
  gradient.scalar_type() == at::kDouble ? run.operator()<double>() : run.operator()<float>();
  return at::_sparse_coo_tensor_unsafe(rows, values, {table_rows, width}, values.options().layout(at::kSparse),
                                       /*is_coalesced=*/true);
}

bool is_row_gradients(const at::Tensor& gradient) {
  return gradient.defined() && gradient.is_sparse();
}

RowGradients row_gradients(const at::Tensor& gradient) {
  TERN_CHECK(is_row_gradients(gradient), "a gradient of another kind");
  RowGradients result{.rows = gradient._indices().select(0, 0), .values = gradient._values()};
  const auto rows = integers(result.rows);
  TERN_CHECK(std::ranges::adjacent_find(rows, std::greater_equal()) == rows.end(), "rows in ascending order");
  return result;
}

at::Tensor dense_gradient(const at::Tensor& gradient) {
  if (!is_row_gradients(gradient)) return gradient;
  const at::NoGradGuard no_grad;
  const RowGradients from = row_gradients(gradient);
  return at::zeros(gradient.sizes(), from.values.options()).index_copy_(0, from.rows, from.values);
}

at::Tensor gradient_norm(const at::Tensor& gradient) {
  return is_row_gradients(gradient) ? row_gradients(gradient).values.norm() : gradient.norm();
}

}  // namespace tern::kernels
