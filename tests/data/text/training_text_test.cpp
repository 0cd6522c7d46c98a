#include "data/text/training_text.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
#include "data/text/base_dir.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

class ThreeDocuments : public DocumentSource {
 public:
  [[nodiscard]] int64_t num_files() const override { return 2; }
  [[nodiscard]] int64_t num_row_groups(int64_t) const override { return 1; }
  [[nodiscard]] int64_t num_documents(int64_t file, int64_t) const override { return file == 0 ? 2 : 1; }
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t file, int64_t) override {
    ++reads;
    if (file == 0) return {"\u4f60\u4f60\u4f60\u4f60", "one two"};
    return {"three"};
  }
  [[nodiscard]] std::string name() const override { return "three documents"; }

  int reads = 0;
};

std::map<std::string, int64_t> pieces_of(const TrainingText& text) {
  std::map<std::string, int64_t> pieces;
  text.pieces.for_each([&](std::string_view piece, int64_t count) { pieces[std::string(piece)] = count; });
  return pieces;
}

TEST(TrainingText, CropsEachDocumentByCharacters) {
  ThreeDocuments source;
  const TrainingText text = read_training_text(documents_of(source), {.max_chars = 1000, .doc_cap = 3, .threads = 2});
  EXPECT_EQ(pieces_of(text), (std::map<std::string, int64_t>{{"\u4f60\u4f60\u4f60", 1}, {"one", 1}, {"thr", 1}}));
  EXPECT_EQ(text.characters, 9);
  EXPECT_EQ(text.documents, 3);
}

TEST(TrainingText, StopsAfterTheDocumentThatGoesOverTheLimit) {
  // nanochat stops once the characters seen exceed max_chars, so a document that reaches it exactly isn't the last.
  for (const auto& [max_chars, documents, reads] : std::vector<std::tuple<int64_t, int64_t, int>>{
           {1, 1, 1}, {3, 1, 1}, {4, 2, 1}, {10, 2, 1}, {11, 3, 2}, {16, 3, 2}}) {
    ThreeDocuments source;
    const TrainingText text =
        read_training_text(documents_of(source), {.max_chars = max_chars, .doc_cap = 100, .threads = 1});
    EXPECT_EQ(text.documents, documents) << max_chars;
    EXPECT_EQ(source.reads, reads) << max_chars;
  }
}

TEST(TrainingText, ReadsAllDocumentsOfTextFiles) {
  const test::TempFolder folder;
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += "word\n";
  write_file_atomically(folder / "t.txt", lines);
  DocumentReader reader({folder / "t.txt"}, {});
  const TrainingText text = read_training_text(documents_of(reader), {.max_chars = 1'000'000});
  EXPECT_EQ(text.documents, 3000);
  EXPECT_EQ(pieces_of(text), (std::map<std::string, int64_t>{{"word", 3000}}));
}

// Sets environment variables for one test.
class BaseDir : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"TERN_BASE_DIR", "NANOCHAT_BASE_DIR"}) ::unsetenv(name);
    home_ = ::getenv("HOME") == nullptr ? "" : ::getenv("HOME");
  }
  void TearDown() override {
    SetUp();
    ::setenv("HOME", home_.c_str(), 1);
  }

 private:
  std::string home_;
};

TEST_F(BaseDir, ComesFromTheFirstVariableThatIsSet) {
  ::setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(base_dir(), "/home/someone/.cache/tern");
  ::setenv("NANOCHAT_BASE_DIR", "/nano", 1);
  EXPECT_EQ(base_dir(), "/nano");
  ::setenv("TERN_BASE_DIR", "/tern", 1);
  EXPECT_EQ(base_dir(), "/tern");
  EXPECT_EQ(tokenizer_path(base_dir()), "/tern/tokenizer/ranks.tiktoken");
}

TEST_F(BaseDir, NothingSetIsAnError) {
  ::unsetenv("HOME");
  EXPECT_THROW(static_cast<void>(base_dir()), Error);
}

TEST_F(BaseDir, FindsShardsUnderEitherName) {
  const test::TempFolder folder;
  EXPECT_EQ(base_data_dir(folder.path()), folder / "base_data");
  std::filesystem::create_directory(folder / "base_data_climbmix");
  EXPECT_EQ(base_data_dir(folder.path()), folder / "base_data_climbmix");
  std::filesystem::create_directory(folder / "base_data");
  EXPECT_EQ(base_data_dir(folder.path()), folder / "base_data");
}

}  // namespace
}  // namespace tern::text
