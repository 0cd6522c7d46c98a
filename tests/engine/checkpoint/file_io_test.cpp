#include "engine/checkpoint/file_io.h"

#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

TEST(FileIo, ChecksumIsTheOneThatXxh128sumPrints) {
  Checksum checksum;
  EXPECT_EQ(checksum.hex(), "99aa06d3014798d86001c324468d497f");  // of no bytes
  checksum.update("tern", 4);
  Checksum in_parts;
  in_parts.update("te", 2);
  in_parts.update("rn", 2);
  EXPECT_EQ(in_parts.hex(), checksum.hex());
}

TEST(FileIo, DigestOfTheWrittenFileIsTheDigestOfTheFileOnDisk) {
  const TempFolder folder;
  const std::string text(3'000'001, 'x');  // several chunks
  OutputFile file(folder.path() / "f");
  file.write(text);
  const FileDigest written = file.finish();
  const FileDigest read = digest_file(folder.path() / "f");
  EXPECT_EQ(written.bytes, text.size());
  EXPECT_EQ(read.bytes, written.bytes);
  EXPECT_EQ(read.checksum, written.checksum);
  EXPECT_EQ(read_bytes(folder.path() / "f"), text);
}

TEST(FileIo, WholeFileIsTheOldOneWhenWritingFails) {
  const TempFolder folder;
  const auto path = folder.path() / "f";
  write_bytes(path, "old");
  const auto fail = [](OutputFile& file) {
    file.write("new");
    throw Error(ErrorKind::checkpoint, "stopped");
  };
  expect_checkpoint_error([&] { write_whole_file(path, fail); }, {"stopped"});
  EXPECT_EQ(read_bytes(path), "old");
  write_whole_file(path, [](OutputFile& file) { file.write("new"); });
  EXPECT_EQ(read_bytes(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(FileIo, ErrorsNameFileAndReason) {
  const TempFolder folder;
  expect_checkpoint_error([&] { InputFile file(folder.path() / "none"); }, {"none", "No such file"});
  expect_checkpoint_error([&] { InputFile file(folder.path()); }, {"not a regular file"});
  expect_checkpoint_error([&] { OutputFile file(folder.path() / "no" / "f"); }, {"open for writing", "no/f"});
  write_bytes(folder.path() / "f", "abc");
  const InputFile file(folder.path() / "f");
  char buffer[8];
  expect_checkpoint_error([&] { file.read(1, buffer, 4); }, {"ends too early"});
}

}  // namespace
}  // namespace tern::test
