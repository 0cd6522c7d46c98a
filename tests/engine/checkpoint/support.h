// What the checkpoint tests share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/checkpoint/snapshot.h"
#include "tests/support/temp_folder.h"

namespace tern::test {

// 0, 1, 2, ... converted to dtype.
at::Tensor counting(at::ScalarType dtype, const std::vector<int64_t>& shape);

// One tensor of every dtype, a scalar, an empty one and a name beyond ASCII, as tests/reference/checkpoint/record.py
// has.
TensorList dtype_tensors();

// A small full state; every value follows from step.
Snapshot make_snapshot(int64_t step);

// The same with a tensor of big_bytes bytes more in the model, to make a write last.
Snapshot make_big_snapshot(int64_t step, int64_t big_bytes);

// Names, order, dtypes, shapes and bits.
void expect_same(const TensorList& actual, const TensorList& expected);
void expect_same(const Snapshot& actual, const Snapshot& expected);

// Runs body, which must throw an Error(checkpoint) with every one of parts in its message.
void expect_checkpoint_error(const std::function<void()>& body, const std::vector<std::string>& parts);

std::filesystem::path reference(const std::string& name);  // tests/reference/checkpoint/name

std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);
// Inverts one bit of the byte at offset; a negative offset counts from the end.
void flip_bit(const std::filesystem::path& path, int64_t offset);

// Collects messages.
struct Messages {
  std::vector<std::string> lines;
  std::function<void(const std::string&)> callback() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
  [[nodiscard]] std::string text() const;
};

}  // namespace tern::test
