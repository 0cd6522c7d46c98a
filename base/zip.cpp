#include "base/zip.h"

#include <libdeflate.h>

#include <cstring>
#include <utility>

namespace tern {

namespace {

// Signatures of the structures (APPNOTE 6.3, chapter 4.3), and the fixed sizes before their variable parts.
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr uint64_t kLocalSize = 30;
constexpr uint64_t kEntrySize = 46;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kEnd64LocatorSize = 20;
constexpr uint64_t kMaxComment = 0xffff;
constexpr uint64_t kIn64 = 0xffffffff;  // a 32-bit field whose value is in the Zip64 extra field

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes, ErrorKind kind, std::string where)
    : bytes_(bytes), kind_(kind), where_(std::move(where)) {
  read_directory();
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!index_.emplace(entries_[i].name, i).second) fail("zip archive holds " + entries_[i].name + " twice");
  }
}

const ZipEntry* ZipArchive::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

std::span<const std::byte> ZipArchive::packed(const ZipEntry& entry) const {
  if (at<uint32_t>(entry.local_offset) != kLocalSignature) fail("zip archive is damaged at " + entry.name);
  const uint64_t name_size = at<uint16_t>(entry.local_offset + 26);
  const uint64_t extra_size = at<uint16_t>(entry.local_offset + 28);
  return slice(entry.local_offset + kLocalSize + name_size + extra_size, entry.packed_size);
}

std::span<const std::byte> ZipArchive::stored(const ZipEntry& entry) const {
  if (entry.encrypted || entry.method != 0) fail("zip member " + entry.name + " is compressed or encrypted");
  const std::span<const std::byte> data = packed(entry);
  if (data.size() != entry.size || libdeflate_crc32(0, data.data(), data.size()) != entry.crc) {
    fail("zip member " + entry.name + " is damaged: its checksum differs");
  }
  return data;
}

void ZipArchive::fail(const std::string& what) const {
  throw Error(kind_, what, where_);
}

std::span<const std::byte> ZipArchive::slice(uint64_t offset, uint64_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) fail("zip archive is truncated or damaged");
  return bytes_.subspan(offset, size);
}

template <typename T>
T ZipArchive::at(uint64_t offset) const {
  T value;
  std::memcpy(&value, slice(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

// The end record is the last thing in the file, but for a comment.
void ZipArchive::read_directory() {
  if (bytes_.size() < kEndSize) fail("not a zip archive");
  uint64_t end = bytes_.size() - kEndSize;
  const uint64_t first = end > kMaxComment ? end - kMaxComment : 0;
  while (at<uint32_t>(end) != kEndSignature) {
    if (end == first) fail("not a whole zip archive: its directory is missing");
    --end;
  }
  uint64_t count = at<uint16_t>(end + 10);
  uint64_t offset = at<uint32_t>(end + 16);
  if (count == 0xffff || offset == kIn64) read_end64(end, count, offset);
  for (uint64_t i = 0; i < count; ++i) entries_.push_back(read_entry(offset));
}

void ZipArchive::read_end64(uint64_t end, uint64_t& count, uint64_t& offset) const {
  if (end < kEnd64LocatorSize || at<uint32_t>(end - kEnd64LocatorSize) != kEnd64LocatorSignature) return;
  const uint64_t end64 = at<uint64_t>(end - kEnd64LocatorSize + 8);
  if (at<uint32_t>(end64) != kEnd64Signature) fail("zip archive is damaged");
  count = at<uint64_t>(end64 + 32);
  offset = at<uint64_t>(end64 + 48);
}

// Moves offset to the next entry.
ZipEntry ZipArchive::read_entry(uint64_t& offset) const {
  const uint64_t begin = offset;
  if (at<uint32_t>(begin) != kEntrySignature) fail("zip archive is damaged");
  ZipEntry entry;
  entry.encrypted = (at<uint16_t>(begin + 8) & 1) != 0;
  entry.method = at<uint16_t>(begin + 10);
  entry.crc = at<uint32_t>(begin + 16);
  entry.packed_size = at<uint32_t>(begin + 20);
  entry.size = at<uint32_t>(begin + 24);
  entry.local_offset = at<uint32_t>(begin + 42);
  const uint64_t name_size = at<uint16_t>(begin + 28);
  const uint64_t extra_size = at<uint16_t>(begin + 30);
  const uint64_t comment_size = at<uint16_t>(begin + 32);
  const std::span<const std::byte> name = slice(begin + kEntrySize, name_size);
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  const uint64_t extra = begin + kEntrySize + name_size;
  apply_zip64(entry, extra, extra + extra_size);
  offset = extra + extra_size + comment_size;
  return entry;
}

// The extra field holds, in this order, the 64-bit values of those fields that could not.
void ZipArchive::apply_zip64(ZipEntry& entry, uint64_t offset, uint64_t end) const {
  constexpr uint16_t kZip64Id = 1;
  while (offset + 4 <= end) {
    const auto id = at<uint16_t>(offset);
    const auto size = at<uint16_t>(offset + 2);
    offset += 4;
    if (id == kZip64Id) {
      for (uint64_t* field : {&entry.size, &entry.packed_size, &entry.local_offset}) {
        if (*field != kIn64) continue;
        *field = at<uint64_t>(offset);
        offset += 8;
      }
      return;
    }
    offset += size;
  }
}

}  // namespace tern
