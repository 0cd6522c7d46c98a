#include "engine/config/override.h"

#include <gtest/gtest.h>

#include "engine/config/scalar_text.h"
#include "engine/config/sweep.h"
#include "tests/engine/config/canonical.h"
#include "tests/engine/config/expect_error.h"

namespace tern::config {
namespace {

using tern::test::usage_error;

std::string error_of(const std::string& text) {
  return usage_error([&] { (void)parse_override(text, 3); });
}

TEST(Override, ErrorsNameTheOverrideAndTheCharacter) {
  EXPECT_EQ(error_of("lr=[1,2"),
            "']' is missing at character 8, in override #3 (lr=[1,2), write key=value and put quotes around text with "
            "special characters: key=\\'some text\\'");
  EXPECT_TRUE(error_of("lr").starts_with("'=' is missing at character 3, in override #3 (lr)"));
  EXPECT_TRUE(error_of("=1").starts_with("a key is missing at character 1"));
  EXPECT_TRUE(error_of("lr=1#").starts_with("unexpected '#' at character 5"));
  EXPECT_TRUE(error_of("lr =1").starts_with("unexpected ' ' at character 3"));
  EXPECT_TRUE(error_of("a={b 1}").starts_with("unexpected '}' instead of ':' at character 7"));
  EXPECT_TRUE(error_of("a='x").starts_with("unexpected ''' at character 3"));
  EXPECT_TRUE(error_of("a=[x,y]]").starts_with("unexpected ']' instead of the end at character 8"));
  EXPECT_TRUE(error_of("a=99999999999999999999").starts_with("99999999999999999999 is not a 64-bit integer"));
  EXPECT_TRUE(error_of("a=shuffle(1,2)")
                  .starts_with("shuffle(): unknown function, in override #3 (a=shuffle(1,2)), available: int"));
  EXPECT_TRUE(error_of("a=range(1,2,0)").starts_with("range(): the step is 0"));
  EXPECT_TRUE(error_of("a=range(100000000)").starts_with("range(): more than 10000 values"));
  EXPECT_TRUE(error_of("a=range(nan)").starts_with("range(): needs finite numbers"));
  EXPECT_TRUE(error_of("a=int(1e30)").starts_with("int(): '1e+30' is no integer"));
}

TEST(Override, DeepNestingIsRefused) {
  EXPECT_TRUE(error_of("a=" + std::string(10000, '[')).starts_with("brackets nest too deeply"));
  EXPECT_TRUE(error_of("a=" +
                       [] {
                         std::string text;
                         for (int i = 0; i < 1000; ++i) text += "{a:";
                         return text;
                       }())
                  .starts_with("brackets nest too deeply"));
}

TEST(Override, KeepsTheSpellingOfScalars) {
  EXPECT_EQ(parse_override("a=1e3", 1).value->spelling, "1e3");
  EXPECT_EQ(parse_override("a=1_000", 1).value->spelling, "1_000");
  EXPECT_EQ(parse_override("a=True", 1).value->spelling, "True");
}

TEST(Override, QuotedTextReadsBackUnchanged) {
  for (const std::string text :
       {"plain", "data/arc1", "with space", " lead",    "trail ",   "a,b",        "it's", "say \"x\"", "back\\slash",
        "end\\", "\\'",       "a\\\\'b",    "",         "null",     "true",       "12",   "1e-3",      "[a]",
        "{a:1}", "a=b",       "#",          "\xc3\xa9", "'quoted'", "\"quoted\"", "f(x)", "a:b",       "$x"}) {
    const std::string written = quote_override_value(text);
    const Override back = parse_override("k=" + written, 1);
    ASSERT_TRUE(back.value && back.value->is_text()) << written;
    EXPECT_EQ(back.value->text(), text) << written;
  }
  EXPECT_EQ(quote_override_value("data/arc1"), "data/arc1");
}

TEST(Override, HydrasOwnSettingsAreRecognised) {
  EXPECT_TRUE(parse_override("hydra.run.dir=.", 1).concerns_hydra());
  EXPECT_TRUE(parse_override("hydra/launcher=basic", 1).concerns_hydra());
  EXPECT_FALSE(parse_override("hydration=1", 1).concerns_hydra());
}

TEST(Sweep, WithoutMultirunSaysWhatMayHaveBeenMeant) {
  EXPECT_EQ(
      usage_error([] { refuse_sweeps({parse_override("lr=1,2", 1)}); }),
      "several values for one key, in override #1 (lr=1,2), write lr=[1,2] for a list, lr=\\'1,2\\' for text, or add "
      "--multirun");
  EXPECT_EQ(usage_error([] { refuse_sweeps({parse_override("lr=range(3)", 1)}); }),
            "a sweep needs --multirun, in override #1 (lr=range(3))");
  EXPECT_NO_THROW(refuse_sweeps({parse_override("lr=[1,2]", 1), parse_override("hydra.x=1,2", 2)}));
}

TEST(Sweep, DescribesEachJobAndGlobsOptions) {
  static constexpr EmbeddedFile kFiles[] = {{"arch/trm.yaml", ""}, {"arch/trm_small.yaml", ""}, {"arch/hrm.yaml", ""}};
  ConfigTree tree;
  tree.add_embedded(kFiles);
  const auto jobs = expand_sweeps(
      tree, {parse_override("lr=1e-3,2", 1), parse_override("arch=glob(trm*)", 2), parse_override("a=1", 3)});
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(jobs[0].description, "lr=0.001,arch=trm");
  EXPECT_EQ(jobs[3].description, "lr=2,arch=trm_small");
  EXPECT_EQ(jobs[3].overrides.size(), 3U);
  EXPECT_TRUE(usage_error([&] {
                (void)expand_sweeps(tree, {parse_override("arch=glob(x*)", 1)});
              }).starts_with("the sweep has no values"));
  EXPECT_TRUE(usage_error([&] {
                (void)expand_sweeps(tree, {parse_override("a=range(5000)", 1), parse_override("b=range(5000)", 2)});
              }).starts_with("more than 10000 jobs"));
}

}  // namespace
}  // namespace tern::config
