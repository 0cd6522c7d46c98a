#include "data/puzzles/score_predictions.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/npz.h"
#include "data/puzzles/dataset.h"
#include "data/puzzles/grid.h"
#include "data/puzzles/token_rows.h"

namespace tern::puzzles {

namespace {

constexpr int64_t kChunkRows = 1024;

[[noreturn]] void fail(const std::string& what, const NpyArray& array) {
  throw Error(ErrorKind::data, what, array.name);
}

void require_rows(const NpyArray& array, int64_t rows, int64_t row_size) {
  const int64_t own_rows = array.shape.empty() ? 0 : array.shape[0];
  if (own_rows != rows) {
    fail(std::to_string(own_rows) + " rows where puzzle_identifiers has " + std::to_string(rows), array);
  }
  if (array.count() != rows * row_size) fail("rows don't hold " + std::to_string(row_size) + " values", array);
}

const NpyArray& require_tokens(const NpyArray& array, int64_t rows) {
  require_rows(array, rows, kArcSeqLen);
  if (array.type.kind != 'i' && array.type.kind != 'u') {
    fail("element type '" + array.type.descr() + "' where integers are needed", array);
  }
  return array;
}

std::vector<int32_t> read_puzzle_identifiers(const NpyArray& array) {
  if (array.shape.size() != 1) fail("not one-dimensional", array);
  std::vector<int32_t> out;
  for (const int64_t value : array.to_int64()) {
    if (!std::in_range<int32_t>(value)) fail("value " + std::to_string(value) + " is no puzzle identifier", array);
    out.push_back(static_cast<int32_t>(value));
  }
  return out;
}

void read_chunk(const NpyArray& array, int64_t first, int64_t rows, std::vector<int32_t>& out) {
  out.resize(static_cast<size_t>(rows * kArcSeqLen));
  const auto offset = static_cast<size_t>(first * kArcSeqLen) * static_cast<size_t>(array.type.size);
  widen_tokens(array.data.data() + offset, array.type, out.size(), out.data());
}

}  // namespace

ArcScores score_predictions(const std::filesystem::path& predictions, const std::filesystem::path& dataset,
                            const ArcVoteOptions& options) {
  const NpzArrays arrays = read_npz(predictions);
  const std::vector<int32_t> identifiers =
      read_puzzle_identifiers(require_array(arrays, "puzzle_identifiers", predictions));
  const int64_t rows = std::ssize(identifiers);
  const NpyArray& inputs = require_tokens(require_array(arrays, "inputs", predictions), rows);
  const NpyArray& preds = require_tokens(require_array(arrays, "preds", predictions), rows);
  const NpyArray& logits_array = require_array(arrays, "q_halt_logits", predictions);
  require_rows(logits_array, rows, 1);
  const std::vector<double> logits = logits_array.to_double();

  ArcVote vote(dataset, read_metadata(dataset, "test").blank_identifier_id, options);
  std::vector<int32_t> chunk_inputs;
  std::vector<int32_t> chunk_preds;
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows - first);
    read_chunk(inputs, first, count, chunk_inputs);
    read_chunk(preds, first, count, chunk_preds);
    const auto part = [&](const auto& values) {
      return std::span(values).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    };
    vote.update({chunk_inputs, chunk_preds, part(identifiers), part(logits)});
  }
  return vote.result();
}

}  // namespace tern::puzzles
