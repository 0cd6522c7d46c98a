#include "data/puzzles/dataset_h5.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/h5_dataset_writer.h"
#include "data/puzzles/h5_file.h"
#include "tests/data/puzzles/arc_puzzles.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

// One small dataset in both kinds.
class H5Dataset : public testing::Test {
 protected:
  H5Dataset() {
    ArcPlanOptions options;
    options.input_file_prefix = test::unpack_arc_puzzles(folder_.path(), {"concept"});
    options.subsets = {"concept"};
    options.test_set_name = "concept";
    options.num_aug = 3;
    plan_ = plan_arc_dataset(options, {[](const std::string&) {}, [](const std::string&, int64_t, int64_t) {}});
    const WriteOptions write_options{2, [](int64_t) {}};
    write_h5_dataset(plan_, rows_file_, write_options);
    write_lazy_dataset(plan_, lazy_file_, write_options);
  }

  // Opens both splits and returns the error's message; the error must be of kind data.
  static std::string error_of(const std::filesystem::path& file) {
    try {
      const Split train = open_h5_split(file, "train");
      // Rows of a materialised set are only looked at when they are read.
      std::vector<int32_t> row(2 * kArcSeqLen);
      for (int64_t i = 0; i < train.sets[0].set->num_examples(); i += 64) {
        train.sets[0].set->read_rows(std::span(&i, 1), row.data(), row.data() + kArcSeqLen);
      }
      (void)open_h5_split(file, "test");
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data);
      return e.what();
    }
    return "no error";
  }

  // Overwrites one element of an array through the HDF5 library, as another program would.
  static void overwrite(const std::filesystem::path& file, const std::string& name, hsize_t row, int value) {
    const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t array = H5Dopen2(id, name.c_str(), H5P_DEFAULT);
    const hid_t space = H5Dget_space(array);
    const std::array<hsize_t, 2> coordinate = {row, 0};
    H5Sselect_elements(space, H5S_SELECT_SET, 1, coordinate.data());
    const hsize_t one = 1;
    const hid_t memory = H5Screate_simple(1, &one, nullptr);
    EXPECT_GE(H5Dwrite(array, H5T_NATIVE_INT, memory, space, H5P_DEFAULT, &value), 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(array);
    H5Fclose(id);
  }

  tern::test::TempFolder folder_;
  ArcPlan plan_;
  const std::filesystem::path rows_file_ = folder_ / "rows.h5";
  const std::filesystem::path lazy_file_ = folder_ / "lazy.h5";
};

TEST_F(H5Dataset, BothKindsGiveThePlannedRowsInAnyOrder) {
  for (const std::filesystem::path& file : {rows_file_, lazy_file_}) {
    for (const ArcSplit& planned : plan_.splits) {
      const Split split = open_h5_split(file, planned.name);
      ASSERT_EQ(split.sets.size(), 1u);
      EXPECT_EQ(split.sets[0].name, "all");
      EXPECT_EQ(split.metadata.total_puzzles, planned.metadata.total_puzzles);
      const PuzzleSet& set = *split.sets[0].set;
      EXPECT_EQ(set.puzzle_identifiers, planned.set.puzzle_identifiers);
      EXPECT_EQ(set.group_indices, planned.set.group_indices);

      std::vector<int64_t> order(set.num_examples());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), std::mt19937(3));
      order.push_back(order[0]);
      const size_t size = order.size() * kArcSeqLen;
      std::vector<int32_t> inputs(size), labels(size);
      set.read_rows(order, inputs.data(), labels.data());

      std::vector<uint8_t> expected_inputs(size), expected_labels(size);
      planned.set.make_rows(0, set.num_examples(), expected_inputs.data(), expected_labels.data());
      for (size_t i = 0; i < order.size(); ++i) {
        const size_t here = i * kArcSeqLen;
        const size_t there = static_cast<size_t>(order[i]) * kArcSeqLen;
        ASSERT_TRUE(std::equal(&inputs[here], &inputs[here] + kArcSeqLen, &expected_inputs[there])) << order[i];
        ASSERT_TRUE(std::equal(&labels[here], &labels[here] + kArcSeqLen, &expected_labels[there])) << order[i];
      }
    }
    EXPECT_EQ(read_h5_text(file, "identifiers.json"), plan_.identifiers_json);
    EXPECT_EQ(read_h5_text(file, "test_puzzles.json"), plan_.test_puzzles_json);
  }
}

TEST_F(H5Dataset, SetsCanBeReadFromSeveralThreads) {
  const Split split = open_h5_split(rows_file_, "train");
  const PuzzleSet& set = *split.sets[0].set;
  const auto read_all = [&] {
    std::vector<int64_t> rows(set.num_examples());
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<int32_t> out(2 * rows.size() * kArcSeqLen);
    set.read_rows(rows, out.data(), out.data() + rows.size() * kArcSeqLen);
    return out;
  };
  const std::vector<int32_t> expected = read_all();
  std::vector<std::vector<int32_t>> found(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : found) threads.emplace_back([&] { out = read_all(); });
  }
  for (const auto& out : found) EXPECT_EQ(out, expected);
}

// What h5py and every other program sees: HDF5's own reader with its own deflate filter.
TEST_F(H5Dataset, PlainHdf5ReadsTheRows) {
  const AugmentedSet& planned = plan_.splits[0].set;
  const size_t size = static_cast<size_t>(planned.num_examples()) * kArcSeqLen;
  std::vector<uint8_t> expected_inputs(size), expected_labels(size), found(size);
  planned.make_rows(0, planned.num_examples(), expected_inputs.data(), expected_labels.data());
  const hid_t id = H5Fopen(rows_file_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t array = H5Dopen2(id, "train/all/labels", H5P_DEFAULT);
  EXPECT_GE(H5Dread(array, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, found.data()), 0);
  H5Dclose(array);
  H5Fclose(id);
  EXPECT_EQ(found, expected_labels);
}

TEST_F(H5Dataset, SamePlanGivesTheSameBytes) {
  const std::filesystem::path again = folder_ / "again.h5";
  write_h5_dataset(plan_, again, {3, [](int64_t) {}});
  EXPECT_EQ(read_file(again), read_file(rows_file_));
}

TEST_F(H5Dataset, RefusesATruncatedFile) {
  for (const std::filesystem::path& file : {rows_file_, lazy_file_}) {
    const std::string whole = read_file(file);
    for (const size_t size : {size_t{0}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
      std::ofstream(file, std::ios::trunc) << whole.substr(0, size);
      EXPECT_NE(error_of(file).find(file.string()), std::string::npos) << size;
    }
  }
}

// Wherever a byte of the file is damaged, the reader must either refuse it or not be touched by it; it must not crash.
TEST_F(H5Dataset, SurvivesDamagedBytes) {
  std::mt19937 random(4);
  for (const std::filesystem::path& file : {rows_file_, lazy_file_}) {
    const std::string whole = read_file(file);
    int refused = 0;
    for (int trial = 0; trial < 40; ++trial) {
      std::string damaged = whole;
      for (int i = 0; i < 20; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
      std::ofstream(file, std::ios::trunc) << damaged;
      refused += error_of(file) != "no error";
    }
    EXPECT_GT(refused, 20);
  }
}

TEST_F(H5Dataset, RefusesAnInconsistentTable) {
  const std::string whole = read_file(lazy_file_);
  const auto error_after = [&](const std::string& name, hsize_t row, int value) {
    std::ofstream(lazy_file_, std::ios::trunc) << whole;
    overwrite(lazy_file_, "train/all/" + name, row, value);
    const std::string error = error_of(lazy_file_);
    EXPECT_NE(error.find(lazy_file_.string() + ":train/all"), std::string::npos) << error;
    return error.substr(0, error.find(','));
  };
  EXPECT_EQ(error_after("pair_shapes", 0, 31), "cells end before the last base grid");
  EXPECT_EQ(error_after("pair_shapes", 0, 0), "cells go on after the last base grid");
  EXPECT_EQ(error_after("cells", 0, 10), "a base grid holds a value outside 0-9");
  EXPECT_EQ(error_after("augmentations", 1, 8), "a transform is outside 0-7");
  EXPECT_EQ(error_after("offsets", 0, 30), "an offset moves a grid out of its field");
  EXPECT_EQ(error_after("group_pairs", 1, 0), "group_pairs is not ascending");
  EXPECT_EQ(error_after("group_pairs", 0, 1), "group_pairs doesn't match the base pairs");
  EXPECT_EQ(error_after("puzzle_indices", 1, 1), "a puzzle has not as many examples as its group");
  EXPECT_EQ(error_after("puzzle_indices", 0, 1), "puzzle_indices doesn't begin with 0");
  EXPECT_EQ(error_after("group_indices", 1, 100000), "group_indices is not ascending");
  EXPECT_EQ(error_after("puzzle_identifiers", 0, 100000), "puzzle identifier 100000 is outside 0-640");
}

TEST_F(H5Dataset, RefusesOtherHdf5Files) {
  const std::filesystem::path other = folder_ / "other.h5";
  H5File::create(other).flush();
  EXPECT_EQ(error_of(other), "no such attribute, " + other.string() + ":format");
  H5File::create(other).write_attribute("format", std::string("something"));
  EXPECT_EQ(error_of(other), "format \"something\" is not a puzzle dataset, " + other.string());
  {
    H5File file = H5File::create(other);
    file.write_attribute("format", std::string("tern-puzzles"));
    file.write_attribute("format_version", int64_t{2});
  }
  EXPECT_EQ(error_of(other), "format version 2 is not supported, " + other.string() + ", build the dataset again");
  std::ofstream(other, std::ios::trunc) << "text";
  EXPECT_EQ(error_of(other).substr(0, 24), "not a readable HDF5 file");
  try {
    (void)open_h5_split(rows_file_, "validation");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), "no such array, " + rows_file_.string() + ":validation/dataset.json");
  }
}

TEST_F(H5Dataset, IsFoundInAFolderOrByItsName) {
  EXPECT_EQ(find_h5_dataset(rows_file_), rows_file_);
  EXPECT_EQ(find_h5_dataset(folder_.path()), std::nullopt);
  std::filesystem::rename(rows_file_, folder_ / "dataset.h5");
  EXPECT_EQ(find_h5_dataset(folder_.path()), folder_ / "dataset.h5");
}

}  // namespace
}  // namespace tern::puzzles
