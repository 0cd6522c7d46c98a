#include "engine/checkpoint/manifest.h"

#include <cmath>

#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

Manifest sample() {
  Manifest manifest;
  manifest.step = 120;
  manifest.sequence = 7;
  manifest.world_size = 1;
  manifest.created = "2026-01-02T03:04:05Z";
  manifest.tern_version = "0.1.0";
  manifest.files = {{"model.safetensors", 1234, "00112233445566778899aabbccddeeff"}};
  manifest.metrics = {{"loss", 0.1}, {"nan", std::nan("")}};
  manifest.config_yaml = "a: 1\nb: \"\\\"manifest_checksum\\\": \\\"\"\n";
  return manifest;
}

// The place of the checksum's digits.
std::string with_checksum_of(std::string text, const std::string& from) {
  const std::string key = "\"manifest_checksum\": \"";
  text.replace(text.rfind(key) + key.size(), 32, from.substr(from.rfind(key) + key.size(), 32));
  return text;
}

TEST(Manifest, RoundTrips) {
  const Manifest read = parse_manifest(manifest_text(sample()), "here");
  EXPECT_EQ(read.step, 120);
  EXPECT_EQ(read.sequence, 7);
  EXPECT_EQ(read.world_size, 1);
  EXPECT_EQ(read.created, "2026-01-02T03:04:05Z");
  EXPECT_EQ(read.tern_version, "0.1.0");
  EXPECT_EQ(read.config_yaml, sample().config_yaml);
  EXPECT_EQ(read.metrics, (std::map<std::string, double>{{"loss", 0.1}}));  // JSON has no NaN
  ASSERT_NE(read.find("model.safetensors"), nullptr);
  EXPECT_EQ(read.find("model.safetensors")->bytes, 1234U);
  EXPECT_EQ(read.find("model.safetensors")->checksum, "00112233445566778899aabbccddeeff");
  EXPECT_EQ(read.find("other"), nullptr);
}

TEST(Manifest, TextIsPinned) {
  Manifest manifest = sample();
  manifest.config_yaml = "seed: 0\n";
  EXPECT_EQ(manifest_text(manifest), read_bytes(reference("manifest.json")));
}

TEST(Manifest, EverySingleBitIsGuarded) {
  const std::string text = manifest_text(sample());
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string damaged = text;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
    EXPECT_THROW((void)parse_manifest(damaged, "here"), Error) << "bit " << i;
  }
  for (size_t size = 0; size + 1 < text.size(); ++size) {  // the last byte is a line feed
    EXPECT_THROW((void)parse_manifest(text.substr(0, size), "here"), Error) << "size " << size;
  }
}

TEST(Manifest, SaysWhatIsWrong) {
  const std::string text = manifest_text(sample());
  expect_checkpoint_error([] { (void)parse_manifest("{", "here"); }, {"damaged", "here"});
  expect_checkpoint_error([] { (void)parse_manifest("[]", "here"); }, {"damaged", "here"});
  expect_checkpoint_error([] { (void)parse_manifest("{}", "here"); }, {"not the manifest of a Tern checkpoint"});
  std::string newer = text;
  newer.replace(newer.find("\"format_version\": 1"), 19, "\"format_version\": 2");
  expect_checkpoint_error([&] { (void)parse_manifest(newer, "here"); }, {"format 2 is newer", "use a newer Tern"});
  std::string edited = text;
  edited.replace(edited.find("120"), 3, "121");
  expect_checkpoint_error([&] { (void)parse_manifest(edited, "here"); }, {"checksum does not match", "here"});
}

TEST(Manifest, RefusesFilesOutsideItsFolder) {
  for (const char* name : {"../model.safetensors", "/etc/passwd", "..", "", "a/b"}) {
    Manifest manifest = sample();
    manifest.files[0].name = name;
    expect_checkpoint_error([&] { (void)parse_manifest(manifest_text(manifest), "here"); }, {"outside its folder"});
  }
}

TEST(Manifest, ChecksumOfAnotherManifestDoesNotFit) {
  Manifest other = sample();
  other.step = 5;
  const std::string swapped = with_checksum_of(manifest_text(sample()), manifest_text(other));
  expect_checkpoint_error([&] { (void)parse_manifest(swapped, "here"); }, {"checksum does not match"});
}

TEST(Manifest, FolderWithoutOneIsNoCheckpoint) {
  const TempFolder folder;
  expect_checkpoint_error([&] { (void)read_manifest(folder.path()); }, {"no manifest.json", folder.path().string()});
}

}  // namespace
}  // namespace tern::test
