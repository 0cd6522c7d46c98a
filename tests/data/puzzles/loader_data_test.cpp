// Datasets that must be refused, each with the name of the file at fault.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "base/error.h"
#include "data/puzzles/loader.h"
#include "data/puzzles/token_bytes.h"
#include "data/puzzles/token_rows.h"
#include "tests/data/puzzles/npy_dataset.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

using test::NpyDataset;
using test::save_array;

class LoaderData : public testing::Test {
 protected:
  // Loads one iteration and returns the error's message without the folder's name.
  std::string error(const std::vector<std::string>& datasets = {"d"}) const {
    LoaderConfig config;
    for (const std::string& name : datasets) config.data_paths.push_back(folder_ / name);
    config.global_batch_size = 2;
    try {
      Loader loader(config);
      for (Batch batch; loader.next(batch);) {
      }
    } catch (const Error& e) {
      EXPECT_EQ(exit_code(e.kind()), 3) << e.what();
      return without_folder(e.what());
    }
    return "no error";
  }

  std::string without_folder(std::string message) const {
    const std::string prefix = folder_.path().string() + "/";
    for (size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
      message.erase(at, prefix.size());
    }
    return message;
  }

  // The error of a dataset changed in memory before it is written.
  std::string error_with(const std::function<void(NpyDataset&)>& change) const {
    NpyDataset dataset;
    change(dataset);
    dataset.write(folder_ / "d");
    return error();
  }

  // The error of a good dataset in which one file is replaced.
  std::string error_after(const std::function<void(const std::filesystem::path& split)>& change) const {
    NpyDataset().write(folder_ / "d");
    change(folder_ / "d" / "train");
    return error();
  }

  tern::test::TempFolder folder_;
};

constexpr const char* kAgain = ", build the dataset again";

TEST_F(LoaderData, AGoodOneIsAccepted) {
  EXPECT_EQ(error_with([](NpyDataset&) {}), "no error");
}

TEST_F(LoaderData, MissingPartsAreNamed) {
  EXPECT_EQ(error({"none"}),
            "no puzzle dataset here, none, build one with arc_build, sudoku_build or maze_build, or correct the path");
  for (const char* file : {"dataset.json", "all__inputs.npy", "all__labels.npy", "all__puzzle_identifiers.npy",
                           "all__puzzle_indices.npy", "all__group_indices.npy"}) {
    EXPECT_EQ(error_after([&](const auto& split) { std::filesystem::remove(split / file); }),
              std::string("open failed: No such file or directory, d/train/") + file);
  }
}

TEST_F(LoaderData, TruncatedFilesAreNamed) {
  for (const char* file : {"all__inputs.npy", "all__labels.npy", "all__puzzle_identifiers.npy",
                           "all__puzzle_indices.npy", "all__group_indices.npy"}) {
    const std::string message = error_after([&](const auto& split) {
      std::filesystem::resize_file(split / file, std::filesystem::file_size(split / file) - 1);
    });
    EXPECT_NE(message.find("bytes of data where its header says"), std::string::npos) << message;
    EXPECT_NE(message.find(std::string("d/train/") + file), std::string::npos) << message;
  }
}

TEST_F(LoaderData, WrongShapesAndTypes) {
  EXPECT_EQ(error_after([](const auto& split) {
              save_array<uint8_t>(split / "all__inputs.npy", {1, 2, 3, 4});
            }),
            std::string("tokens are not rows of seq_len 4, d/train/all__inputs.npy") + kAgain);
  EXPECT_EQ(error_after([](const auto& split) {
              save_array<float>(split / "all__labels.npy", {1, 2, 3, 4}, {1, 4});
            }),
            std::string("tokens have element type '<f4' instead of an integer type, d/train/all__labels.npy") + kAgain);
  EXPECT_EQ(error_after([](const auto& split) {
              save_array<uint8_t>(split / "all__labels.npy", {1, 2, 3, 4}, {1, 4});
            }),
            std::string("1 rows of labels for 8 of inputs, d/train/all__labels.npy") + kAgain);
  EXPECT_EQ(error_after([](const auto& split) {
              save_array<int32_t>(split / "all__group_indices.npy", {0, 1, 3, 4}, {2, 2});
            }),
            std::string("array is not one-dimensional, d/train/all__group_indices.npy") + kAgain);
  EXPECT_EQ(error_after([](const auto& split) {
              save_array<int64_t>(split / "all__puzzle_indices.npy", {0, 2, 3, 6, int64_t{1} << 40});
            }),
            std::string("value 1099511627776 is outside int32, d/train/all__puzzle_indices.npy") + kAgain);
}

TEST_F(LoaderData, InconsistentIndices) {
  const std::string where = ", d/train/all__*.npy" + std::string(kAgain);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.puzzle_indices[0] = 1; }), "puzzle_indices doesn't begin with 0" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.puzzle_indices[2] = 1; }), "puzzle_indices is not ascending" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.puzzle_indices[4] = 9; }),
            "puzzle_indices ends at 9 instead of 8" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.group_indices[3] = 5; }), "group_indices ends at 5 instead of 4" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.puzzle_identifiers[3] = 5; }),
            "puzzle identifier 5 is outside 0-4" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) { d.puzzle_identifiers[3] = -1; }),
            "puzzle identifier -1 is outside 0-4" + where);
  EXPECT_EQ(error_with([](NpyDataset& d) {
              d.group_indices = {0, 1, 1, 4};
            }),
            "group 1 has no puzzles, d (train, all)" + std::string(kAgain));
}

TEST_F(LoaderData, TokensOutsideTheVocabulary) {
  EXPECT_EQ(error_with([](NpyDataset& d) { d.inputs[2 * 4 + 3] = 10; }),
            "inputs of example 2 hold a token outside 0-9, d (train, all)" + std::string(kAgain));
  EXPECT_EQ(error_with([](NpyDataset& d) { d.labels[2 * 4] = 200; }),
            "labels of example 2 hold a token outside 0-9, d (train, all)" + std::string(kAgain));
}

TEST_F(LoaderData, DatasetsThatDiffer) {
  NpyDataset().write(folder_ / "a");
  const auto error_of_other = [&](const std::function<void(NpyDataset&)>& change) {
    NpyDataset other;
    change(other);
    other.write(folder_ / "b");
    return error({"a", "b"});
  };
  const std::string where = ", a and b, load only datasets that were built alike";
  EXPECT_EQ(error_of_other([](NpyDataset&) {}), "no error");
  EXPECT_EQ(error_of_other([](NpyDataset& d) { d.metadata.vocab_size = 11; }),
            "datasets differ in vocab_size (10 and 11)" + where);
  EXPECT_EQ(error_of_other([](NpyDataset& d) { d.metadata.pad_id = 1; }),
            "datasets differ in pad_id (0 and 1)" + where);
  EXPECT_EQ(error_of_other([](NpyDataset& d) { d.metadata.ignore_label_id.reset(); }),
            "datasets differ in ignore_label_id (0 and none)" + where);
  EXPECT_EQ(error_of_other([](NpyDataset& d) { d.metadata.blank_identifier_id = 1; }),
            "datasets differ in blank_identifier_id (0 and 1)" + where);
  EXPECT_EQ(error_of_other([](NpyDataset& d) { d.metadata.num_puzzle_identifiers = 6; }),
            "datasets differ in num_puzzle_identifiers (5 and 6)" + where);
}

TEST(TokenRows, EveryIntegerTypeWidensAndSaturates) {
  const auto widened = [](auto value) {
    const std::array one = {value};
    int32_t out = 0;
    widen_tokens(std::as_bytes(std::span(one)).data(), npy_type_of<decltype(value)>(), 1, &out);
    return out;
  };
  EXPECT_EQ(widened(uint8_t{255}), 255);
  EXPECT_EQ(widened(int8_t{-1}), -1);
  EXPECT_EQ(widened(uint16_t{65535}), 65535);
  EXPECT_EQ(widened(int16_t{-3}), -3);
  EXPECT_EQ(widened(uint32_t{0xffffffff}), INT32_MAX);
  EXPECT_EQ(widened(int32_t{-100}), -100);
  EXPECT_EQ(widened(int64_t{1} << 32), INT32_MAX);
  EXPECT_EQ(widened(uint64_t{7}), 7);
}

TEST(TokenRows, RangeAndMask) {
  const std::vector<int32_t> tokens = {0, 3, 9};
  EXPECT_TRUE(tokens_in_range(tokens.data(), 3, 10));
  EXPECT_FALSE(tokens_in_range(tokens.data(), 3, 9));
  const std::vector<int32_t> negative = {0, -1};
  EXPECT_FALSE(tokens_in_range(negative.data(), 2, 10));
  std::vector<int32_t> labels = {0, 3, 9, -100};
  EXPECT_TRUE(mask_labels(labels.data(), 4, 0, 10));
  EXPECT_EQ(labels, (std::vector<int32_t>{-100, 3, 9, -100}));
  EXPECT_FALSE(mask_labels(labels.data(), 4, 3, 9));
  std::vector<int32_t> unmasked = {0, 3};
  EXPECT_TRUE(mask_labels(unmasked.data(), 2, std::nullopt, 10));
  EXPECT_EQ(unmasked, (std::vector<int32_t>{0, 3}));
  EXPECT_TRUE(mask_labels(unmasked.data(), 2, int64_t{1} << 32, 10));
  EXPECT_EQ(unmasked, (std::vector<int32_t>{0, 3}));
}

// Bytes have loops of their own; the general ones say what must come out, at every length around a vector's.
TEST(TokenBytes, EqualTheGeneralLoops) {
  for (const int64_t vocab_size : {1, 12, 255, 256, 1000}) {
    for (const std::optional<int64_t> ignored : {std::optional<int64_t>(), {0}, {12}, {200}, {-100}, {300}}) {
      for (const size_t count : {0, 1, 31, 32, 33, 63, 64, 65, 900}) {
        for (const int last : {0, 11, 12, 200, 254, 255}) {
          std::vector<uint8_t> source(count);
          for (size_t i = 0; i < count; ++i) source[i] = static_cast<uint8_t>(i * 7 % 12);
          if (count > 0) source[count - 1] = static_cast<uint8_t>(last);
          std::vector<int32_t> expected(source.begin(), source.end());
          std::vector<int32_t> out(count);
          const bool inputs_ok = tokens_in_range(expected.data(), count, vocab_size);
          EXPECT_EQ(load_input_bytes(source.data(), count, vocab_size, out.data()), inputs_ok);
          EXPECT_EQ(out, expected);
          const bool labels_ok = mask_labels(expected.data(), count, ignored, vocab_size);
          EXPECT_EQ(load_label_bytes(source.data(), count, vocab_size, ignored, out.data()), labels_ok);
          EXPECT_EQ(out, expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tern::puzzles
