// The structure of a zip archive, Zip64 too: where its members lie and what their checksums are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace tern {

struct ZipEntry {
  std::string name;
  bool encrypted = false;
  uint16_t method = 0;  // 0 stored, 8 deflated
  uint32_t crc = 0;     // CRC-32 of the unpacked bytes
  uint64_t packed_size = 0;
  uint64_t size = 0;  // unpacked
  uint64_t local_offset = 0;
};

class ZipArchive {
 public:
  // Reads the central directory of an archive in memory, which must outlive this. Throws Error(kind) naming where when
  // it isn't a zip archive, is truncated, or names a member twice.
  ZipArchive(std::span<const std::byte> bytes, ErrorKind kind, std::string where);

  [[nodiscard]] const std::vector<ZipEntry>& entries() const { return entries_; }

  // nullptr when there is none of that name.
  [[nodiscard]] const ZipEntry* find(const std::string& name) const;

  // The member's bytes as they lie in the archive, not unpacked and not checked.
  [[nodiscard]] std::span<const std::byte> packed(const ZipEntry& entry) const;

  // The bytes of a member that is stored, neither compressed nor encrypted; its CRC-32 is compared.
  [[nodiscard]] std::span<const std::byte> stored(const ZipEntry& entry) const;

 private:
  [[noreturn]] void fail(const std::string& what) const;
  [[nodiscard]] std::span<const std::byte> slice(uint64_t offset, uint64_t size) const;
  template <typename T>
  [[nodiscard]] T at(uint64_t offset) const;
  void read_directory();
  void read_end64(uint64_t end, uint64_t& count, uint64_t& offset) const;
  ZipEntry read_entry(uint64_t& offset) const;
  void apply_zip64(ZipEntry& entry, uint64_t offset, uint64_t end) const;

  std::span<const std::byte> bytes_;
  ErrorKind kind_;
  std::string where_;
  std::vector<ZipEntry> entries_;
  std::map<std::string, size_t> index_;  // of entries_, by name
};

}  // namespace tern
