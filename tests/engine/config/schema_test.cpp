#include "engine/config/schema.h"

#include <gtest/gtest.h>

#include "engine/config/flags.h"
#include "engine/config/nearest.h"
#include "engine/config/override.h"
#include "engine/config/yaml_read.h"
#include "engine/config/yaml_write.h"
#include "tests/engine/config/expect_error.h"

namespace tern::config {
namespace {

using tern::test::usage_error;

struct Part {
  std::string name;
  int64_t count = 2;
};

struct Options {
  int64_t depth = 20;
  double rate = 0.5;
  bool fast = false;
  std::string mode = "soft";
  std::optional<int64_t> limit = 7;
  std::optional<std::string> label;
  std::vector<int64_t> sizes = {1, 2};
  std::vector<std::string> paths;
  std::vector<Part> parts = {{.name = "a"}};
};

Schema<Options> make_schema() {
  Schema<Part> part("part");
  part.option("name", &Part::name, "which").one_of({"a", "b"});
  part.option("count", &Part::count, "how many").at_least(1);
  Schema<Options> schema("options");
  schema.section("First");
  schema.option("depth", &Options::depth, "layers").at_least(1).at_most(100);
  schema.option("inner.rate", &Options::rate, "a rate").above(0).below(1);
  schema.option("fast", &Options::fast, "hurry");
  schema.section("Second");
  schema.option("mode", &Options::mode, "how").one_of({"soft", "hard"});
  schema.option("limit", &Options::limit, "most").at_least(0).when_absent(Node());
  schema.option("label", &Options::label, "name").not_empty();
  schema.option("sizes", &Options::sizes, "sizes").at_least(1);
  schema.option("paths", &Options::paths, "where").not_empty();
  schema.list_of("parts", &Options::parts, part, "parts");
  return schema;
}

const Schema<Options> kSchema = make_schema();

Options read(const std::string& yaml) {
  return kSchema.read(read_yaml(yaml, "a.yaml"));
}

std::string error_of(const std::string& yaml) {
  return usage_error([&] { (void)read(yaml); });
}

TEST(Schema, AbsentKeysKeepTheirDefaults) {
  const Options options = read("{}");
  EXPECT_EQ(options.depth, 20);
  EXPECT_EQ(options.mode, "soft");
  EXPECT_EQ(options.parts.size(), 1U);
  EXPECT_FALSE(options.limit.has_value()) << "when_absent comes before the default";
}

TEST(Schema, ReadsEveryTypeAsLenientlyAsPydantic) {
  const Options options = read(
      "depth: '3'\ninner: {rate: 1.0e-2}\nfast: 'on'\nmode: hard\nlimit: 4.0\nlabel: 1e3\nsizes: ['5', 6]\n"
      "paths: [x, 007]\nparts: [{name: b}, {name: a, count: 9}]\n");
  EXPECT_EQ(options.depth, 3);
  EXPECT_EQ(options.rate, 0.01);
  EXPECT_TRUE(options.fast);
  EXPECT_EQ(options.mode, "hard");
  EXPECT_EQ(options.limit, 4);
  EXPECT_EQ(options.label, "1e3") << "texts keep the user's spelling";
  EXPECT_EQ(options.sizes, (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(options.paths, (std::vector<std::string>{"x", "007"}));
  ASSERT_EQ(options.parts.size(), 2U);
  EXPECT_EQ(options.parts[0].name, "b");
  EXPECT_EQ(options.parts[0].count, 2);
  EXPECT_EQ(options.parts[1].count, 9);
  EXPECT_FALSE(read("limit: null").limit.has_value());
}

TEST(Schema, ErrorsNameKeyValuePlaceAndWhatIsExpected) {
  EXPECT_EQ(error_of("depth: abc"), "depth needs an integer >= 1 and <= 100, not 'abc', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: 2.5"), "depth needs an integer >= 1 and <= 100, not '2.5', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: true"), "depth needs an integer >= 1 and <= 100, not 'True', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: null"), "depth needs an integer >= 1 and <= 100, not 'null', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: [1]"), "depth needs an integer >= 1 and <= 100, not '[1]', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: 0"), "depth needs an integer >= 1 and <= 100, not '0', in a.yaml:1:8");
  EXPECT_EQ(error_of("depth: 101"), "depth needs an integer >= 1 and <= 100, not '101', in a.yaml:1:8");
  EXPECT_EQ(error_of("inner:\n  rate: 1.0"), "inner.rate needs a number > 0 and < 1, not '1.0', in a.yaml:2:9");
  EXPECT_EQ(error_of("inner: {rate: .nan}"), "inner.rate needs a number > 0 and < 1, not 'nan', in a.yaml:1:15");
  EXPECT_EQ(error_of("fast: 2"), "fast needs true or false, not '2', in a.yaml:1:7");
  EXPECT_EQ(error_of("mode: hrad"), "mode needs one of soft, hard, not 'hrad', in a.yaml:1:7, did you mean 'hard'?");
  EXPECT_EQ(error_of("limit: -1"), "limit needs an integer >= 0, or null, not '-1', in a.yaml:1:8");
  EXPECT_EQ(error_of("label: ''"), "label needs text that isn't empty, or null, not '', in a.yaml:1:8");
  EXPECT_EQ(error_of("sizes: [1, 0]"), "sizes.1 needs an integer >= 1, not '0', in a.yaml:1:12");
  EXPECT_EQ(error_of("sizes: 3"), "sizes needs a list of integers >= 1, not '3', in a.yaml:1:8, write sizes=[3]");
  EXPECT_EQ(error_of("paths: []"), "paths needs a list (not empty) of text, not '[]', in a.yaml:1:8");
  EXPECT_EQ(error_of("parts: [a]"), "parts.0 needs a mapping, not 'a', in a.yaml:1:9");
  EXPECT_EQ(error_of("parts: [{name: c}]"),
            "parts.0.name needs one of a, b, not 'c', in a.yaml:1:16, did you mean 'a'?");
  EXPECT_EQ(error_of("parts: [{nam: a}]"), "unknown key 'parts.0.nam', in a.yaml:1:10, did you mean 'name'?");
  EXPECT_EQ(error_of("mode: ???"), "mode is not set, in a.yaml:1:7, give one of soft, hard: mode=VALUE");
}

TEST(Schema, UnknownKeysAreRefusedWithTheNearestOne) {
  const auto error = [](const std::string& yaml) {
    return usage_error([&] { refuse_unknown_keys(read_yaml(yaml, "a.yaml"), kSchema.keys()); });
  };
  EXPECT_EQ(error("depht: 1"), "unknown key 'depht', in a.yaml:1:1, did you mean 'depth'?");
  EXPECT_EQ(error("a: 1\nrate: 1"), "unknown key 'a', in a.yaml:1:1, --help lists all keys");
  EXPECT_EQ(error("inner:\n  rat: 1"), "unknown key 'inner.rat', in a.yaml:2:3, did you mean 'inner.rate'?");
  EXPECT_EQ(error("inner: 3"), "inner needs a mapping, not '3', in a.yaml:1:8");
  EXPECT_NO_THROW(refuse_unknown_keys(read_yaml("inner: {rate: 1}\nparts: [{x: 1}]", "a"), kSchema.keys()));
}

TEST(Schema, TheDumpReadsBackEqual) {
  Options options;
  options.rate = 1e-5;
  options.label = "true";
  options.paths = {"a b"};
  const std::string text = write_yaml(kSchema.dump(options));
  EXPECT_EQ(text,
            "depth: 20\ninner:\n  rate: 1.0e-05\nfast: false\nmode: soft\nlimit: 7\nlabel: 'true'\nsizes:\n- 1\n- "
            "2\npaths:\n- a b\n"
            "parts:\n- name: a\n  count: 2\n");
  EXPECT_EQ(write_yaml(kSchema.dump(read(text))), text);
}

TEST(Schema, HelpShowsDefaultRangeAndSection) {
  EXPECT_EQ(help_text(kSchema.options()),
            "First:\n"
            "  depth=20                          layers (an integer >= 1 and <= 100)\n"
            "  inner.rate=0.5                    a rate (a number > 0 and < 1)\n"
            "  fast=False                        hurry (true or false)\n"
            "\n"
            "Second:\n"
            "  mode=soft                         how (one of soft, hard)\n"
            "  limit=7                           most (an integer >= 0, or null)\n"
            "  label=null                        name (text that isn't empty, or null)\n"
            "  sizes=[1,2]                       sizes (a list of integers >= 1)\n"
            "  paths=[]                          where (a list (not empty) of text)\n"
            "  parts=[{name:a}]                  parts (a list of mappings)\n");
}

TEST(Flags, BecomeOverrides) {
  Schema<Options> schema("gpt");
  schema.option("depth", &Options::depth, "");
  schema.option("device_batch_size", &Options::limit, "");
  schema.option("fp8", &Options::fast, "");
  schema.option("run", &Options::mode, "");
  schema.option("paths", &Options::paths, "");
  const auto convert = [&](std::vector<std::string> arguments) {
    return flags_to_overrides(arguments, schema.options());
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(convert({"--depth=20", "--device-batch-size", "32"}), (Words{"depth=20", "device_batch_size=32"}));
  EXPECT_EQ(convert({"--device_batch_size=-1", "+x=1", "~y"}), (Words{"device_batch_size=-1", "+x=1", "~y"}));
  EXPECT_EQ(convert({"--depth", "-1"}), (Words{"depth=-1"}));
  EXPECT_EQ(convert({"--fp8", "--depth=2"}), (Words{"fp8=True", "depth=2"}));
  EXPECT_EQ(convert({"--fp8", "False", "--no-fp8"}), (Words{"fp8=False", "fp8=False"}));
  EXPECT_EQ(convert({"--fp8", "a=1"}), (Words{"fp8=True", "a=1"}));
  EXPECT_EQ(convert({"--run=my run, 2"}), (Words{"run='my run, 2'"}));
  EXPECT_EQ(convert({"--run", "d20"}), (Words{"run=d20"}));
  EXPECT_EQ(convert({"--paths=[a,b]"}), (Words{"paths=[a,b]"}));
  EXPECT_EQ(usage_error([&] { (void)convert({"--device-batch-sise=3"}); }),
            "unknown flag '--device-batch-sise', did you mean '--device-batch-size'?");
  EXPECT_EQ(usage_error([&] { (void)convert({"--depth"}); }), "flag '--depth' has no value, give an integer");
  EXPECT_EQ(usage_error([&] { (void)convert({"--depth", "--fp8"}); }), "flag '--depth' has no value, give an integer");
}

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1U) << "a swap is one edit";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, SuggestsOnlyWhatIsClose) {
  const std::vector<std::string> keys = {"lr", "epochs", "arch.L_layers", "arch.H_layers", "weight_decay"};
  EXPECT_EQ(nearest("epoch", keys), "epochs");
  EXPECT_EQ(nearest("L_layers", keys), "arch.L_layers");
  EXPECT_EQ(nearest("arch.H_layer", keys), "arch.H_layers");
  EXPECT_EQ(nearest("wieght_decay", keys), "weight_decay");
  EXPECT_FALSE(nearest("optimizer", keys).has_value());
}

}  // namespace
}  // namespace tern::config
