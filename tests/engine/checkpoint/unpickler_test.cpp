#include <memory>

#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_objects.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

using namespace std::string_literals;

// A storage of ten floats under every key.
c10::Storage ten_floats(const std::string&, uint64_t) {
  return counting(at::ScalarType::Float, {10}).storage();
}

// A pickle being read, and what it read.
struct Reading {
  explicit Reading(const std::string& text) : bytes(text), unpickler(bytes, objects, "file.pt") {}
  std::string bytes;
  TorchObjects objects{ten_floats};
  Unpickler unpickler;
};

template <typename T>
T load_as(const std::string& bytes) {
  Reading reading(bytes);
  return pickle_as<T>(reading.unpickler.load(), "the tested type");
}

TEST(Unpickler, ReadsPlainValues) {
  EXPECT_EQ(load_as<int64_t>("\x80\x02K\xff."s), 255);
  EXPECT_EQ(load_as<int64_t>("\x80\x02M\x01\x02."s), 513);
  EXPECT_EQ(load_as<int64_t>("\x80\x02J\xfe\xff\xff\xff."s), -2);
  EXPECT_EQ(load_as<int64_t>("\x80\x02\x8a\x00."s), 0);
  EXPECT_EQ(load_as<int64_t>("\x80\x02\x8a\x01\xff."s), -1);
  EXPECT_EQ(load_as<int64_t>("\x80\x02\x8a\x06\0\0\0\0\0\x01."s), int64_t{1} << 40);
  EXPECT_EQ(load_as<double>("\x80\x02G\x3f\xf8\0\0\0\0\0\0."s), 1.5);
  EXPECT_EQ(load_as<std::string>("\x80\x02X\x02\0\0\0ab."s), "ab");
  EXPECT_TRUE(load_as<bool>("\x80\x02\x88."s));
  EXPECT_EQ(load_as<PickleTuple>("\x80\x02K\x01K\x02\x86."s).items.size(), 2U);
  EXPECT_EQ(load_as<PickleList>("\x80\x02](K\x01K\x02K\x03"
                                "e."s)
                .items.size(),
            3U);
  EXPECT_EQ(load_as<PickleDict>("\x80\x02}K\x01K\x02s(K\x03K\x04K\x05K\x06u."s).items.size(), 3U);
}

TEST(Unpickler, AListMayHoldItself) {
  Reading reading(
      "\x80\x02]q\x01h\x01"
      "a."s);
  const PickleRef list = reading.unpickler.load();
  EXPECT_EQ(pickle_as<PickleList>(list, "a list").items.at(0), list);
}

const std::string kStorage =
    "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
    "0X\x03\0\0\0cpuK\x0atQ"s;
const std::string kTensorCall =
    "\x80\x02"
    "ctorch._utils\n_rebuild_tensor_v2\n("s;
const std::string kTail =
    "\x89"
    "ccollections\nOrderedDict\n)RtR."s;

std::string number(int value) {
  return "J"s + std::string(reinterpret_cast<const char*>(&value), 4);
}

std::string tensor_pickle(int offset, const std::vector<int>& sizes, const std::vector<int>& strides) {
  std::string text = kTensorCall + kStorage + number(offset);
  for (const auto& list : {sizes, strides}) {
    text += "(";
    for (const int item : list) text += number(item);
    text += "t";
  }
  return text + kTail;
}

TEST(Unpickler, RebuildsViews) {
  const at::Tensor tensor = load_as<at::Tensor>(tensor_pickle(1, {2, 3}, {1, 3}));
  EXPECT_EQ(tensor.sizes().vec(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(tensor.select(0, 1).select(0, 2).item<float>(), 8.0F);
  EXPECT_EQ(load_as<at::Tensor>(tensor_pickle(9, {}, {})).item<float>(), 9.0F);
  EXPECT_EQ(load_as<at::Tensor>(tensor_pickle(77, {0, 3}, {3, 1})).numel(), 0);
}

struct BadPickle {
  const char* name;
  std::string bytes;
  const char* message;
};

class UnpicklerRefuses : public testing::TestWithParam<BadPickle> {};

TEST_P(UnpicklerRefuses, WithReasonPlaceAndFile) {
  Reading reading(GetParam().bytes);
  expect_checkpoint_error([&] { reading.unpickler.load(); }, {"at byte", GetParam().message, "file.pt"});
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UnpicklerRefuses,
    testing::Values(
        BadPickle{"nothing", "", "ends too early"}, BadPickle{"no_stop", "\x80\x02K\x01"s, "ends too early"},
        BadPickle{"protocol", "\x80\x04."s, "protocol"}, BadPickle{"nothing_left", "\x80\x02."s, "unfinished"},
        BadPickle{"two_left", "\x80\x02NN."s, "unfinished"}, BadPickle{"open_mark", "\x80\x02N(."s, "unfinished"},
        BadPickle{"opcode", "\x80\x02\x93."s, "opcode 0x93"}, BadPickle{"text_opcode", "\x80\x02I1\n."s, "opcode 0x49"},
        BadPickle{"string_length",
                  "\x80\x02X\xff\xff\xff\xff"
                  "a."s,
                  "ends too early"},
        BadPickle{"long_integer",
                  "\x80\x02\x8a\x09"
                  "123456789."s,
                  "more than 64 bits"},
        BadPickle{"tuple_of_nothing", "\x80\x02\x85."s, "stack is empty"},
        BadPickle{"beyond_mark", "\x80\x02N(\x85."s, "stack is empty"}, BadPickle{"no_mark", "\x80\x02t."s, "no mark"},
        BadPickle{"memo", "\x80\x02h\x05."s, "number 5"}, BadPickle{"append", "\x80\x02}Na."s, "expected a list"},
        BadPickle{"odd_items", "\x80\x02}(Nu."s, "key has no value"},
        BadPickle{"set_in_list", "\x80\x02]NNs."s, "expected a dict"},
        BadPickle{"builtin",
                  "\x80\x02"
                  "cbuiltins\neval\n."s,
                  "builtins.eval"},
        BadPickle{"torch_load",
                  "\x80\x02"
                  "ctorch\nload\n."s,
                  "torch.load"},
        BadPickle{"call_string", "\x80\x02X\x01\0\0\0a)R."s, "expected a function"},
        BadPickle{"call_dtype",
                  "\x80\x02"
                  "ctorch\nfloat32\n)R."s,
                  "torch.float32 can't be called"},
        BadPickle{"call_without_tuple",
                  "\x80\x02"
                  "ccollections\nOrderedDict\nNR."s,
                  "expected a tuple"},
        BadPickle{"build_list", "\x80\x02]}b."s, "takes attributes"},
        BadPickle{"tensor_arguments",
                  "\x80\x02"
                  "ctorch._utils\n_rebuild_tensor_v2\n)R."s,
                  "0 arguments"},
        BadPickle{"persistent", "\x80\x02K\x01Q."s, "expected a storage"},
        BadPickle{"beyond_storage", tensor_pickle(5, {6}, {1}), "needs 11 elements and its storage has 10"},
        BadPickle{"beyond_by_stride", tensor_pickle(0, {2, 2}, {9, 1}), "needs 11 elements"},
        BadPickle{"negative_size", tensor_pickle(0, {-1}, {1}), "negative"},
        BadPickle{"negative_stride", tensor_pickle(9, {2}, {-1}), "negative"},
        BadPickle{"negative_offset", tensor_pickle(-1, {1}, {1}), "negative"},
        BadPickle{"ranks", tensor_pickle(0, {1, 1}, {1}), "sizes than strides"},
        BadPickle{"expanded_bomb", tensor_pickle(0, {2'000'000'000, 2'000'000'000, 2'000'000'000}, {0, 0, 0}),
                  "too large"}),
    [](const testing::TestParamInfo<BadPickle>& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tern::test
