// Golden bytes were made by the protobuf classes and the record writer of the Python package tensorboard 2.21.0.
#include "engine/monitor/tensorboard.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "engine/monitor/crc32c.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using test::TempFolder;

constexpr double kTime = 1700000000.5;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

TEST(Crc32c, Rfc3720Vectors) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aa);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43);
  EXPECT_EQ(masked_crc32c("123456789"), 0xc78ab0e5);
}

TEST(TensorBoard, RecordFrame) {
  EXPECT_EQ(hex(tfrecord("tern")), "0400000000000000424552047465726e54c844ae");
}

TEST(TensorBoard, EventsEqualProtobufsBytes) {
  EXPECT_EQ(hex(file_version_event(kTime)), "0900002040fc54d9411a0d627261696e2e4576656e743a32");
  EXPECT_EQ(hex(session_start_event(kTime, 301)), "0900002040fc54d94110ad023a020801");
  EXPECT_EQ(hex(scalars_event(kTime, 300, {{"train/lm_loss", 1.25}, {"train/lr", 1e-4}})),
            "0900002040fc54d94110ac022a270a140a0d747261696e2f6c6d5f6c6f7373150000a03f"
            "0a0f0a08747261696e2f6c721517b7d138");
  EXPECT_EQ(hex(text_event(kTime, 0, "config", "lr: 1")),
            "0900002040fc54d9412a1f0a1d0a06636f6e6669674209080742056c723a20314a080a060a0474657874");
}

TEST(TensorBoard, NewFilesSortBehindOlderOnes) {
  const TempFolder folder;
  const EventWriter first(folder.path(), 0);
  const EventWriter second(folder.path(), 10);
  const EventWriter third(folder.path(), 20);
  EXPECT_LT(first.file().path().string(), second.file().path().string());
  EXPECT_LT(second.file().path().string(), third.file().path().string());
}

TEST(TensorBoard, EveryValueIsInTheFileAtOnce) {
  const TempFolder folder;
  EventWriter writer(folder.path(), 0);
  const size_t before = read_file(writer.file().path()).size();
  EXPECT_TRUE(writer.scalars(1, {{"a", 1.0}}));
  EXPECT_EQ(read_file(writer.file().path()).size(), before + tfrecord(scalars_event(kTime, 1, {{"a", 1.0}})).size());
}

}  // namespace
}  // namespace tern
