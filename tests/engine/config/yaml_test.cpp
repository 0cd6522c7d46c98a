#include <gtest/gtest.h>

#include "engine/config/node.h"
#include "engine/config/yaml_read.h"
#include "engine/config/yaml_write.h"
#include "tests/engine/config/expect_error.h"

namespace tern::config {
namespace {

using tern::test::usage_error;

std::string error_of(const std::string& text) {
  return usage_error([&] { (void)read_yaml(text, "dir/a.yaml"); });
}

TEST(Yaml, ValuesKnowTheirLineAndColumn) {
  const Node root = read_yaml("a: 1\nb:\n  c: [x, 2]\n", "dir/a.yaml");
  EXPECT_EQ(select(root, "a")->origin.describe(), "dir/a.yaml:1:4");
  EXPECT_EQ(select(root, "b.c.1")->origin.describe(), "dir/a.yaml:3:10");
  EXPECT_EQ(root.find("b")->map().front().origin.describe(), "dir/a.yaml:3:3");
}

TEST(Yaml, ErrorsNameFileLineAndColumn) {
  EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\n"), "duplicate key 'a', in dir/a.yaml:3:1, remove one of the two");
  EXPECT_TRUE(error_of("a: 1\nb: [1, 2\nc: 3\n").starts_with("malformed YAML: ")) << error_of("a: 1\nb: [1, 2\nc: 3\n");
  EXPECT_NE(error_of("a: [1, 2\n").find("in dir/a.yaml:"), std::string::npos);
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "a second document begins, in dir/a.yaml:3:1, keep one per file");
  EXPECT_EQ(error_of("? [a]\n: 1\n"), "a key has to be a word, in dir/a.yaml:1:3");
  EXPECT_EQ(error_of("a: 123456789012345678901\n"),
            "123456789012345678901 is not a 64-bit integer, in dir/a.yaml:1:4, quote it if it is text");
  EXPECT_EQ(error_of("a: 12345678901234567890:30\n"),
            "12345678901234567890:30 is not a 64-bit integer, in dir/a.yaml:1:4, quote it if it is text");
}

TEST(Yaml, AnOpenQuoteDoesNotSwallowTheRest) {
  EXPECT_EQ(error_of("a: 'x\nlr: 1\n"), "a quote is not closed, in dir/a.yaml, add the closing quote");
  EXPECT_EQ(error_of("a: \"x\nlr: 1\n"), "a quote is not closed, in dir/a.yaml, add the closing quote");
}

TEST(Yaml, AnchorsThatMultiplyAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    std::string items;
    for (int k = 0; k < 10; ++k) items += (items.empty() ? "" : ", ") + last;
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + items + "]\n";
  }
  EXPECT_TRUE(error_of(bomb).starts_with("the document is nested too deeply or endlessly"));
  EXPECT_TRUE(error_of("a: &x [*x]\n").starts_with("the document is nested too deeply or endlessly"));
}

TEST(Yaml, WhatIsWrittenReadsBackEqual) {
  const std::string text =
      "a: 1\nb: 1.5e-7\nc: 'yes'\nd: \"tab\\tand\\nline\"\ne: [x, [y, {z: null}], {}]\nf: {g: '', h: ' ', i: \"1\"}\n"
      "j: 'a: b #c'\nk: ${.a}\n";
  const Node root = read_yaml(text, "a");
  const Node back = read_yaml(write_yaml(root), "b");
  EXPECT_TRUE(back.same_value(root)) << write_yaml(root);
  EXPECT_EQ(write_yaml(back), write_yaml(root));
}

}  // namespace
}  // namespace tern::config
