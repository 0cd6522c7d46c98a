#include "data/text/document_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "base/file.h"
#include "data/text/document_export.h"
#include "data/text/json_lines.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

using Documents = std::vector<std::string>;

class DocumentReaderTest : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, content);
    return folder_ / name;
  }

  static Documents read(const std::vector<std::filesystem::path>& inputs, const ReadOptions& options = {}) {
    DocumentReader reader(find_text_files(inputs), options);
    Documents documents;
    for (std::string document; reader.next(document);) documents.push_back(document);
    EXPECT_EQ(reader.bytes_read(), reader.bytes_total());
    return documents;
  }

  void expect_refused(const std::filesystem::path& file, const std::string& message, const ReadOptions& options = {}) {
    try {
      read({file}, options);
      FAIL() << "accepted; expected: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }

  static std::string gzip(const std::string& content) {
    std::string packed(compressBound(content.size()) + 64, '\0');
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
  }

  static std::string zstd(const std::string& content) {
    std::string packed(ZSTD_compressBound(content.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), 3));
    return packed;
  }

  test::TempFolder folder_;
};

const std::string kLines = R"({"id": 1, "text": "one\ntwo", "meta": {"text": "no"}})"
                           "\n\n"
                           R"({"text": "\u00e9 \ud83c\udf0d", "score": 1.5, "tags": ["text", null]})"
                           "\r\n"
                           R"({"text": ""})";
const Documents kDocuments = {"one\ntwo", "\u00e9 \U0001F30D", ""};

TEST_F(DocumentReaderTest, ReadsJsonLinesPlainAndCompressed) {
  EXPECT_EQ(read({write("a.jsonl", kLines)}), kDocuments);
  EXPECT_EQ(read({write("b.ndjson", kLines + "\n")}), kDocuments);
  EXPECT_EQ(read({write("a.jsonl.gz", gzip(kLines))}), kDocuments);
  EXPECT_EQ(read({write("a.jsonl.zst", zstd(kLines))}), kDocuments);
}

TEST_F(DocumentReaderTest, ReadsSeveralMembersAsOneStream) {
  const std::string first = kLines.substr(0, 20);
  const std::string second = kLines.substr(20);
  EXPECT_EQ(read({write("a.jsonl.gz", gzip(first) + gzip(second))}), kDocuments);
  EXPECT_EQ(read({write("a.jsonl.zst", zstd(first) + zstd(second))}), kDocuments);
}

TEST_F(DocumentReaderTest, LongLinesCrossTheBuffer) {
  const std::string text(1'000'000, 'x');
  const std::string line = format_json_line(text, "text");
  EXPECT_EQ(read({write("a.jsonl.gz", gzip(line + line))}), (Documents{text, text}));
  EXPECT_EQ(read({write("a.jsonl.zst", zstd(line + line))}), (Documents{text, text}));
}

TEST_F(DocumentReaderTest, TakesAnotherColumnAndTheLastOfTwo) {
  ReadOptions options;
  options.column = "body";
  EXPECT_EQ(read({write("a.jsonl", R"({"text": 1, "body": 2, "body": "b"})")}, options), Documents{"b"});
}

TEST_F(DocumentReaderTest, CutsPlainTextAsAsked) {
  const auto file = write("a.txt", "\n\none\r\ntwo\r\n \t\r\n\nthree\n\n");
  ReadOptions options;
  EXPECT_EQ(read({file}, options), (Documents{"one\r\ntwo", "three"}));  // automatic: paragraphs
  options.split = TextSplit::lines;
  EXPECT_EQ(read({file}, options), (Documents{"one", "two", "three"}));
  options.split = TextSplit::blank_lines;
  EXPECT_EQ(read({file}, options), (Documents{"one\r\ntwo", "three"}));
  options.split = TextSplit::files;
  EXPECT_EQ(read({file}, options), Documents{read_file(file)});
  EXPECT_EQ(read({write("lines.txt", "one\ntwo")}), (Documents{"one", "two"}));         // automatic: no blank line
  EXPECT_EQ(read({file, write("b.txt", "b\n")}), (Documents{read_file(file), "b\n"}));  // automatic: several files
  EXPECT_EQ(read({write("empty.txt", "")}), Documents{});
}

TEST_F(DocumentReaderTest, WalksFoldersInOrder) {
  write("in/b.txt", "b");
  write("in/a/z.md", "z");
  write("in/a/c.jsonl", R"({"text": "c"})");
  write("in/picture.png", "\xff");
  EXPECT_EQ(read({folder_ / "in"}), (Documents{"c", "z", "b"}));
  std::filesystem::create_directory(folder_ / "bare");
  expect_refused(folder_ / "bare", "no .txt, .md, .jsonl or .ndjson file in the folder, ");
  expect_refused(folder_ / "none", "no such file or folder, ");
}

TEST_F(DocumentReaderTest, BrokenJsonLinesNameFileAndLine) {
  const std::string good = "{\"text\": \"a\"}\n";
  const auto refuse = [&](const std::string& line, const std::string& message) {
    expect_refused(write("x.jsonl", good + "\n" + line), message);
  };
  refuse("{\"text\": \"a\"", "not valid JSON at column 13: ");
  refuse("{\"text\": \"a\"", "x.jsonl line 3, write one JSON object a line");
  refuse("[\"text\"]", "not a JSON object, ");
  refuse("\"text\"", "not a JSON object, ");
  refuse("{\"body\": \"a\"}", "no column \"text\", ");
  refuse("{\"text\": 5}", "\"text\" is not a string, ");
  refuse("{\"text\": \"a\", \"text\": null}", "\"text\" is not a string, ");
  refuse("{\"text\": {\"text\": \"a\"}}", "\"text\" is not a string, ");
  refuse("{\"text\": \"\\ud800\"}", "half a surrogate pair in a \\u escape, ");
}

TEST_F(DocumentReaderTest, InvalidUtf8NamesFileAndByteOrIsReplaced) {
  ReadOptions replace;
  replace.invalid = InvalidUtf8::replace;
  const auto text = write("a.txt", "one\n\ntw\xffo");
  expect_refused(text, "invalid UTF-8 at byte 7, " + text.string());
  EXPECT_EQ(read({text}, replace), (Documents{"one", "tw\uFFFDo"}));
  ReadOptions whole;
  whole.split = TextSplit::files;
  expect_refused(text, "invalid UTF-8 at byte 7, ", whole);
  const auto paragraph = write("p.txt", "a\nb\xe4\xbd\n\nc");
  expect_refused(paragraph, "invalid UTF-8 at byte 3, ");
  const auto json = write("a.jsonl.gz", gzip("{\"text\": \"a\"}\n{\"text\": \"\x80\"}\n"));
  expect_refused(json, "invalid UTF-8 at byte 24, ");
  EXPECT_EQ(read({json}, replace), (Documents{"a", "\uFFFD"}));
  const auto halves = write("h.jsonl", R"({"text": "\ud800x\udc00\ud83c\udf0d\\ud800\uD800\uD800\uDC00"})");
  EXPECT_EQ(read({halves}, replace), Documents{"\uFFFDx\uFFFD\U0001F30D\\ud800\uFFFD\U00010000"});
}

TEST_F(DocumentReaderTest, DamagedAndCutOffArchivesAreErrors) {
  for (const std::string ending : {".gz", ".zst"}) {
    const std::string packed = ending == ".gz" ? gzip(kLines) : zstd(kLines);
    const std::string kind = ending == ".gz" ? "gzip" : "zstd";
    expect_refused(write("cut.txt" + ending, packed.substr(0, packed.size() - 3)), kind + " data is cut off, ");
    expect_refused(write("empty.txt" + ending, ""), kind + " data is cut off, ");
    expect_refused(write("foreign.txt" + ending, "not packed at all"), kind + " data is damaged, ");
    expect_refused(write("tail.txt" + ending, packed + "and more that isn't"), kind + " data is damaged, ");
  }
}

TEST_F(DocumentReaderTest, ExportsReadBackAsTheyWere) {
  const Documents documents = {"one", "two\nlines\n", "\"quoted\" \\ \u00e9 \U0001F30D\t\x01", ""};
  for (const std::string name : {"x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "folder"}) {
    const auto out = open_export(folder_ / name, false);
    for (const auto& document : documents) out->add(document);
    EXPECT_FALSE(std::filesystem::exists(folder_ / name)) << "visible before it is complete";
    out->finish();
    EXPECT_EQ(read({folder_ / name}), documents) << name;
    EXPECT_THROW(open_export(folder_ / name, false), Error) << "overwritten without being asked to";
  }
  const auto out = open_export(folder_ / "x.txt.gz", false);
  for (const auto& document : {"one", "two\nlines\n", "three"}) out->add(document);
  out->finish();
  EXPECT_EQ(read({folder_ / "x.txt.gz"}), (Documents{"one", "two\nlines", "three"}));
  EXPECT_THROW(open_export(folder_ / "x.pdf", false), Error);
}

TEST_F(DocumentReaderTest, AnUnfinishedExportLeavesNothing) {
  for (const std::string name : {"x.jsonl", "x.jsonl.gz", "x.txt.zst", "folder"}) {
    open_export(folder_ / name, false)->add("document");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace tern::text
