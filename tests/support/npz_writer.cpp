#include "tests/support/npz_writer.h"

#include <libdeflate.h>

#include <string>

#include "base/file.h"

namespace tern::test {

namespace {

void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// The fields that a member's own header and its directory entry share.
void put_common(std::string& out, const std::string& name, const std::string& content) {
  put(out, 20, 2);             // version needed
  put(out, 0, 2 + 2 + 2 + 2);  // flags, stored, time, date
  put(out, libdeflate_crc32(0, content.data(), content.size()), 4);
  put(out, content.size(), 4);
  put(out, content.size(), 4);
  put(out, name.size(), 2);
  put(out, 0, 2);  // extra
}

}  // namespace

void write_npz(const std::filesystem::path& path, const NpzArrays& arrays) {
  std::string file;
  std::string directory;
  for (const auto& [key, array] : arrays) {
    const std::string name = key + ".npy";
    std::string content = npy_header(array.type, array.shape);
    content.append(reinterpret_cast<const char*>(array.data.data()), array.data.size());
    const size_t offset = file.size();
    put(file, 0x04034b50, 4);
    put_common(file, name, content);
    file += name + content;
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);  // made by
    put_common(directory, name, content);
    put(directory, 0, 2 + 2 + 2);  // comment, disk, internal attributes
    put(directory, 0, 4);          // external attributes
    put(directory, offset, 4);
    directory += name;
  }
  const size_t offset = file.size();
  file += directory;
  put(file, 0x06054b50, 4);
  put(file, 0, 4);  // disks
  put(file, arrays.size(), 2);
  put(file, arrays.size(), 2);
  put(file, directory.size(), 4);
  put(file, offset, 4);
  put(file, 0, 2);  // comment
  write_file_atomically(path, file);
}

}  // namespace tern::test
