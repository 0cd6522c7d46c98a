#include "apps/puzzle_pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/TensorOperators.h>

#include "data/puzzles/batch.h"
#include "data/puzzles/crop.h"

namespace tern {

namespace {

constexpr int64_t kIgnoredLabel = -100;

Grid cropped(std::span<const int32_t> tokens) {
  const puzzles::Grid grid = puzzles::crop(tokens);
  return {.rows = grid.rows, .cols = grid.cols, .cells = {grid.cells.begin(), grid.cells.end()}};
}

// Token 0 is padding, 1 the blank.
Grid whole(std::span<const int32_t> tokens) {
  const auto side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(tokens.size()))));
  if (static_cast<size_t>(side) * static_cast<size_t>(side) != tokens.size()) return {};
  Grid grid{.rows = side, .cols = side};
  for (const int32_t token : tokens) grid.cells.push_back(static_cast<uint8_t>(std::clamp(token - 1, 0, 255)));
  return grid;
}

}  // namespace

PuzzlePicture make_picture(const trm::PuzzleBatch& batch, const at::Tensor& preds, int64_t row,
                           const puzzles::Metadata& metadata, std::string title) {
  const bool is_arc = metadata.seq_len == puzzles::kArcSeqLen && metadata.vocab_size == 12;
  const auto grid_of = [&](const at::Tensor& tokens) {
    const at::Tensor values = tokens.to(at::kCPU, at::kInt).contiguous();
    const std::span<const int32_t> row_of_tokens(values.const_data_ptr<int32_t>(), static_cast<size_t>(values.numel()));
    return is_arc ? cropped(row_of_tokens) : whole(row_of_tokens);
  };
  const at::Tensor labels = batch.labels[row];
  const at::Tensor answer = preds[row].to(at::kInt);
  const at::Tensor ignored = labels == kIgnoredLabel;
  PuzzlePicture picture;
  picture.title = std::move(title);
  picture.input = grid_of(batch.inputs[row]);
  picture.target = grid_of(labels.clamp_min(0));
  picture.prediction = grid_of(answer);
  picture.correct = ((answer == labels) | ignored).all().item<bool>();
  picture.style = is_arc ? GridStyle::colours : GridStyle::digits;
  return picture;
}

}  // namespace tern
