#include "engine/monitor/puzzle_picture.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"
#include "tests/engine/monitor/sample_run.h"

namespace tern {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST(PuzzlePicture, DrawsRunsOfColourAndOutlinesWrongCells) {
  const PuzzlePicture picture{.title = "p",
                              .input = {.rows = 1, .cols = 3, .cells = {1, 1, 0}},
                              .target = {.rows = 1, .cols = 2, .cells = {3, 4}},
                              .prediction = {.rows = 1, .cols = 2, .cells = {3, 5}}};
  const std::string html = puzzle_picture_html(picture);
  EXPECT_TRUE(contains(html, R"(<path fill="#0074d9" d="M0 0h20v10h-20z"/>)")) << html;
  EXPECT_TRUE(contains(html, R"(<path fill="#000000" d="M20 0h10v10h-10z"/>)")) << html;
  EXPECT_TRUE(contains(html, R"(<path class="wrong" d="M11 1h8v8h-8z")")) << html;
  EXPECT_TRUE(contains(html, "✗ wrong"));
}

TEST(PuzzlePicture, CorrectPredictionHasNoOutline) {
  const Grid grid{.rows = 1, .cols = 2, .cells = {3, 4}};
  const std::string html =
      puzzle_picture_html({.title = "p", .input = grid, .target = grid, .prediction = grid, .correct = true});
  EXPECT_FALSE(contains(html, "class=\"wrong\""));
  EXPECT_TRUE(contains(html, "✓ correct"));
}

TEST(PuzzlePicture, CellsOutsideTheTargetAreWrong) {
  const PuzzlePicture picture{.target = {.rows = 1, .cols = 1, .cells = {3}},
                              .prediction = {.rows = 2, .cols = 1, .cells = {3, 0}}};
  EXPECT_TRUE(contains(puzzle_picture_html(picture), R"(class="wrong" d="M1 11h8v8h-8z")"));
}

TEST(PuzzlePicture, ValuesBeyondThePaletteAreNumbers) {
  const Grid grid{.rows = 1, .cols = 3, .cells = {9, 12, 130}};
  const std::string html = puzzle_picture_html({.input = grid, .target = grid, .prediction = grid});
  EXPECT_TRUE(contains(html, ">12</text>"));
  EXPECT_TRUE(contains(html, ">130</text>"));
  EXPECT_FALSE(contains(html, ">9</text>"));
}

TEST(PuzzlePicture, DigitsLeaveZeroBlankAndBoxASudoku) {
  PuzzlePicture picture = sample::pictures().at(4);
  const std::string html = puzzle_picture_html(picture);
  EXPECT_TRUE(contains(html, ">9</text>"));
  EXPECT_FALSE(contains(html, ">0</text>"));
  EXPECT_TRUE(contains(html, "M30 0v90M60 0v90M0 30h90M0 60h90"));
  EXPECT_FALSE(contains(html, "#0074d9"));
}

TEST(PuzzlePicture, NoPredictionIsShownAsNone) {
  EXPECT_TRUE(contains(puzzle_picture_html({.target = {.rows = 1, .cols = 1, .cells = {3}}}), ">none</div>"));
}

TEST(PuzzlePicture, GridOfAnotherSizeIsADefect) {
  EXPECT_THROW((void)puzzle_picture_html({.input = {.rows = 2, .cols = 2, .cells = {1, 2, 3}}}), std::logic_error);
}

TEST(PuzzlePicture, TitleIsEscaped) {
  EXPECT_TRUE(contains(puzzle_picture_html({.title = "<b>x</b>"}), "&lt;b&gt;x&lt;/b&gt;"));
}

TEST(PuzzlePictures, SurviveJson) {
  const auto pictures = sample::pictures();
  const auto back = pictures_from_json(pictures_to_json(pictures), "puzzles.json");
  ASSERT_EQ(back.size(), pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_EQ(back[i].title, pictures[i].title);
    EXPECT_EQ(back[i].input, pictures[i].input);
    EXPECT_EQ(back[i].target, pictures[i].target);
    EXPECT_EQ(back[i].prediction, pictures[i].prediction);
    EXPECT_EQ(back[i].correct, pictures[i].correct);
    EXPECT_EQ(back[i].style, pictures[i].style);
  }
}

TEST(PuzzlePictures, DamagedJsonIsAnErrorThatNamesTheFile) {
  const std::string wrong_size =
      R"([{"title":"a","correct":true,"digits":false,"input":{"rows":2,"cols":2,"cells":[1]},)"
      R"("target":{"rows":0,"cols":0,"cells":[]},"prediction":{"rows":0,"cols":0,"cells":[]}}])";
  for (const std::string& json : {std::string("[{\"tit"), std::string("{}x"), std::string("[1]"), wrong_size}) {
    try {
      (void)pictures_from_json(json, "run/puzzles.json");
      FAIL() << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_TRUE(contains(error.what(), "run/puzzles.json")) << error.what();
    }
  }
}

}  // namespace
}  // namespace tern
