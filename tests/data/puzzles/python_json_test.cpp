#include "data/puzzles/python_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tern::puzzles {
namespace {

// Expected texts: repr() and json.dumps() of Python 3.11.
TEST(PythonJson, FloatsLookLikeRepr) {
  EXPECT_EQ(python_float_repr(1.0), "1.0");
  EXPECT_EQ(python_float_repr(-0.0), "-0.0");
  EXPECT_EQ(python_float_repr(3.4237762237762236), "3.4237762237762235");
  EXPECT_EQ(python_float_repr(0.1), "0.1");
  EXPECT_EQ(python_float_repr(0.0001), "0.0001");
  EXPECT_EQ(python_float_repr(0.00001), "1e-05");
  EXPECT_EQ(python_float_repr(123456.0), "123456.0");
  EXPECT_EQ(python_float_repr(1e15), "1000000000000000.0");
  EXPECT_EQ(python_float_repr(1e16), "1e+16");
  EXPECT_EQ(python_float_repr(-2.5e-300), "-2.5e-300");
}

TEST(PythonJson, KeepsKeyOrderAndUsesPythonSeparators) {
  const auto json =
      nlohmann::ordered_json::parse(R"({"test":[{"input":[[0,1]]}],"train":[],"a":null,"b":true,"c":1.50})");
  EXPECT_EQ(dump_python_json(json), R"({"test": [{"input": [[0, 1]]}], "train": [], "a": null, "b": true, "c": 1.5})");
}

TEST(PythonJson, EscapesLikeEnsureAscii) {
  EXPECT_EQ(quote_python_json("a\"\\/\n\t\b\f\r\x01\x7f"), R"("a\"\\/\n\t\b\f\r\u0001\u007f")");
  EXPECT_EQ(quote_python_json("\u00e9\U0001F600"), R"("\u00e9\ud83d\ude00")");
}

}  // namespace
}  // namespace tern::puzzles
