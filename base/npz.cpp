#include "base/npz.h"

#include <libdeflate.h>

#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tern {

namespace {

using Bytes = std::span<const std::byte>;

constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint16_t kZip64Extra = 1;
constexpr size_t kMaxComment = 0xffff;
// Deflate shrinks at most about 1032-fold; a larger claim is a damaged or hostile entry, refused before allocating.
constexpr uint64_t kMaxDeflateRatio = 1040;

// Little-endian fields of a zip structure, each read checked against the end of the file.
class Reader {
 public:
  Reader(Bytes bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::data, what, name_); }

  template <class T>
  [[nodiscard]] T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, slice(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }

  [[nodiscard]] Bytes slice(uint64_t offset, uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) fail("npz archive is truncated or damaged");
    return bytes_.subspan(offset, size);
  }

  [[nodiscard]] uint64_t size() const { return bytes_.size(); }

 private:
  Bytes bytes_;
  std::string name_;
};

struct Directory {
  uint64_t entries = 0;
  uint64_t offset = 0;
};

struct Entry {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed_size = 0;
  uint64_t size = 0;
  uint64_t local_offset = 0;
  uint64_t next = 0;  // offset of the next entry of the central directory
};

Directory find_directory(const Reader& zip) {
  constexpr uint64_t kEndSize = 22;
  if (zip.size() < kEndSize) zip.fail("not an npz archive");
  const uint64_t last = zip.size() - kEndSize;
  const uint64_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (uint64_t at = last + 1; at-- > first;) {
    if (zip.at<uint32_t>(at) != kEndSignature) continue;
    Directory directory{zip.at<uint16_t>(at + 10), zip.at<uint32_t>(at + 16)};
    const bool needs_64 = directory.entries == 0xffff || directory.offset == 0xffffffff;
    if (needs_64 && at >= 20 && zip.at<uint32_t>(at - 20) == kEnd64LocatorSignature) {
      const uint64_t end64 = zip.at<uint64_t>(at - 20 + 8);
      if (zip.at<uint32_t>(end64) != kEnd64Signature) zip.fail("npz archive is damaged");
      directory = {zip.at<uint64_t>(end64 + 32), zip.at<uint64_t>(end64 + 48)};
    }
    return directory;
  }
  zip.fail("not an npz archive");
}

// Replaces the fields that hold their type's largest value by the 64-bit ones of the Zip64 extra field, in its order.
void apply_zip64(const Reader& zip, uint64_t at, uint64_t end, Entry& entry) {
  while (at + 4 <= end) {
    const auto id = zip.at<uint16_t>(at);
    const auto size = zip.at<uint16_t>(at + 2);
    at += 4;
    if (id == kZip64Extra) {
      for (uint64_t* field : {&entry.size, &entry.packed_size, &entry.local_offset}) {
        if (*field != 0xffffffff) continue;
        *field = zip.at<uint64_t>(at);
        at += 8;
      }
      return;
    }
    at += size;
  }
}

Entry read_entry(const Reader& zip, uint64_t at) {
  if (zip.at<uint32_t>(at) != kEntrySignature) zip.fail("npz archive is damaged");
  Entry entry;
  entry.flags = zip.at<uint16_t>(at + 8);
  entry.method = zip.at<uint16_t>(at + 10);
  entry.crc = zip.at<uint32_t>(at + 16);
  entry.packed_size = zip.at<uint32_t>(at + 20);
  entry.size = zip.at<uint32_t>(at + 24);
  const uint64_t name_size = zip.at<uint16_t>(at + 28);
  const uint64_t extra_size = zip.at<uint16_t>(at + 30);
  const uint64_t comment_size = zip.at<uint16_t>(at + 32);
  entry.local_offset = zip.at<uint32_t>(at + 42);
  const Bytes name = zip.slice(at + 46, name_size);
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  apply_zip64(zip, at + 46 + name_size, at + 46 + name_size + extra_size, entry);
  entry.next = at + 46 + name_size + extra_size + comment_size;
  return entry;
}

Bytes packed_bytes(const Reader& zip, const Entry& entry) {
  const uint64_t at = entry.local_offset;
  if (zip.slice(at, 30).size() != 30 || zip.at<uint32_t>(at) != kLocalSignature) zip.fail("npz archive is damaged");
  const uint64_t start = at + 30 + zip.at<uint16_t>(at + 26) + zip.at<uint16_t>(at + 28);
  return zip.slice(start, entry.packed_size);
}

std::shared_ptr<std::vector<std::byte>> inflate(Bytes packed, uint64_t size, const std::string& member) {
  if (size > kMaxDeflateRatio * (packed.size() + 1)) throw Error(ErrorKind::data, "npz member is damaged", member);
  auto out = std::make_shared<std::vector<std::byte>>(size);
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (!inflater) throw std::bad_alloc();
  const auto result =
      libdeflate_deflate_decompress(inflater.get(), packed.data(), packed.size(), out->data(), out->size(), nullptr);
  if (result != LIBDEFLATE_SUCCESS) throw Error(ErrorKind::data, "npz member can't be inflated", member);
  return out;
}

NpyArray read_member(const Reader& zip, const Entry& entry, std::shared_ptr<const void> file,
                     const std::string& member) {
  if ((entry.flags & 1) != 0) throw Error(ErrorKind::data, "npz member is encrypted", member);
  if (entry.method != 0 && entry.method != 8) {
    throw Error(ErrorKind::data, "npz member uses compression method " + std::to_string(entry.method), member,
                "write it with numpy.savez or numpy.savez_compressed");
  }
  Bytes bytes = packed_bytes(zip, entry);
  std::shared_ptr<const void> owner = std::move(file);
  if (entry.method == 8) {
    const auto inflated = inflate(bytes, entry.size, member);
    bytes = *inflated;
    owner = inflated;
  }
  if (bytes.size() != entry.size || libdeflate_crc32(0, bytes.data(), bytes.size()) != entry.crc) {
    throw Error(ErrorKind::data, "npz member is damaged (its checksum differs)", member);
  }
  return parse_npy(bytes, std::move(owner), member);
}

}  // namespace

NpzArrays parse_npz(Bytes bytes, const std::shared_ptr<const void>& owner, const std::string& name) {
  const Reader zip(bytes, name);
  const Directory directory = find_directory(zip);
  NpzArrays arrays;
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Entry entry = read_entry(zip, at);
    at = entry.next;
    std::string_view key = entry.name;
    if (!key.ends_with(".npy")) zip.fail("npz member '" + entry.name + "' is not an npy array");
    key.remove_suffix(4);
    const bool added = arrays.emplace(key, read_member(zip, entry, owner, name + ":" + entry.name)).second;
    if (!added) zip.fail("npz archive holds '" + entry.name + "' twice");
  }
  return arrays;
}

NpzArrays read_npz(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return parse_npz(file->bytes(), file, path.string());
}

const NpyArray& require_array(const NpzArrays& arrays, const std::string& name, const std::filesystem::path& path) {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::string held;
  for (const auto& [key, array] : arrays) held += (held.empty() ? "" : ", ") + key;
  throw Error(ErrorKind::data, "array '" + name + "' is missing", path.string(), "the archive holds: " + held);
}

}  // namespace tern
