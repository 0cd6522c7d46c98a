#include "data/puzzles/h5_file.h"

#include <hdf5.h>
#include <libdeflate.h>

#include <functional>
#include <mutex>
#include <numeric>

#include "base/error.h"

namespace tern::puzzles {

namespace {

// Also the level that the file's deflate filter names, for programs that rewrite chunks.
constexpr int kDeflateLevel = 1;

std::mutex hdf5_mutex;

// Held during every call of the library. Also silences its error printing, which is a setting of each thread.
class Hdf5Lock {
 public:
  Hdf5Lock() : lock_(hdf5_mutex) {
    // The library's clean-up at exit crashes where a file couldn't be closed because the disk is full.
    [[maybe_unused]] static const herr_t no_cleanup_at_exit = H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }

 private:
  std::lock_guard<std::mutex> lock_;
};

// An identifier of the library and how to close it. Made and destroyed under the lock.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;

  operator hid_t() const { return id_; }
  [[nodiscard]] bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

[[noreturn]] void fail_at(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::data, what, where);
}

// The reason at the bottom of the library's error stack. Where a system call failed that text is long and holds
// addresses; then only the system's message in it ("No space left on device") is taken.
std::string last_error() {
  std::string reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
        if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &reason);
  const std::string mark = "error message = '";
  const size_t begin = reason.find(mark);
  if (begin == std::string::npos) return reason;
  const std::string rest = reason.substr(begin + mark.size());
  return rest.substr(0, rest.find('\''));
}

hid_t native_type(H5Type type) {
  return type == H5Type::uint8 ? H5T_STD_U8LE : H5T_STD_I32LE;
}
int64_t element_bytes(H5Type type) {
  return type == H5Type::uint8 ? 1 : 4;
}

// The same dataset gives the same bytes, whenever it is built.
void forget_times(hid_t creation) {
  H5Pset_obj_track_times(creation, false);
}

// Makes the groups on the way to an array, like mkdir -p.
void make_groups(hid_t file, const std::string& name) {
  for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string group = name.substr(0, slash);
    if (H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0) continue;
    const Id creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
    forget_times(creation);
    const Id made(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, creation, H5P_DEFAULT), H5Gclose);
  }
}

std::vector<hsize_t> to_hsize(const std::vector<int64_t>& sizes) {
  return {sizes.begin(), sizes.end()};
}

}  // namespace

struct H5File::Handle {
  explicit Handle(hid_t opened) : id(opened) {}
  ~Handle() {
    const Hdf5Lock lock;
    if (id >= 0) H5Fclose(id);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  hid_t id;
  std::string path;
};

struct H5Array::Handle {
  explicit Handle(hid_t opened) : id(opened) {}
  ~Handle() {
    const Hdf5Lock lock;
    if (id >= 0) H5Dclose(id);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  hid_t id;
};

H5File H5File::create(const std::filesystem::path& path) {
  H5File out;
  const Hdf5Lock lock;
  const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // The 1.10 format finds a chunk by its index instead of by a walk through a B-tree.
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  const Id creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  forget_times(creation);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, access);
  if (id < 0) fail_at("can't create file (" + last_error() + ")", path.string());
  out.file_ = std::make_shared<Handle>(id);
  out.file_->path = path.string();
  return out;
}

H5File H5File::open(const std::filesystem::path& path) {
  H5File out;
  const Hdf5Lock lock;
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) fail_at("not a readable HDF5 file (" + last_error() + ")", path.string());
  out.file_ = std::make_shared<Handle>(id);
  out.file_->path = path.string();
  return out;
}

void H5File::write_attribute(const std::string& name, const std::string& value) {
  const Hdf5Lock lock;
  const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, value.size());
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  const Id attribute(H5Acreate2(file_->id, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute.ok() || H5Awrite(attribute, type, value.data()) < 0) fail_at("write failed", file_->path + ":" + name);
}

void H5File::write_attribute(const std::string& name, int64_t value) {
  const Hdf5Lock lock;
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  const Id attribute(H5Acreate2(file_->id, name.c_str(), H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute.ok() || H5Awrite(attribute, H5T_NATIVE_INT64, &value) < 0) {
    fail_at("write failed", file_->path + ":" + name);
  }
}

std::string H5File::read_text_attribute(const std::string& name) const {
  const Hdf5Lock lock;
  const std::string where = file_->path + ":" + name;
  const Id attribute(H5Aopen(file_->id, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.ok()) fail_at("no such attribute", where);
  const Id type(H5Aget_type(attribute), H5Tclose);
  const Id space(H5Aget_space(attribute), H5Sclose);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 || H5Sget_simple_extent_npoints(space) != 1) {
    fail_at("attribute is not a text of fixed length", where);
  }
  std::string value(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, value.data()) < 0) fail_at("read failed (" + last_error() + ")", where);
  return value;
}

int64_t H5File::read_int_attribute(const std::string& name) const {
  const Hdf5Lock lock;
  const std::string where = file_->path + ":" + name;
  const Id attribute(H5Aopen(file_->id, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.ok()) fail_at("no such attribute", where);
  const Id space(H5Aget_space(attribute), H5Sclose);
  int64_t value = 0;
  if (H5Sget_simple_extent_npoints(space) != 1 || H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) {
    fail_at("attribute is not a number", where);
  }
  return value;
}

H5Array H5File::create_array(const std::string& name, H5Type type, const std::vector<int64_t>& shape,
                             int64_t chunk_rows) {
  H5Array out;
  out.name_ = file_->path + ":" + name;
  out.file_ = file_;
  out.type_ = type;
  out.shape_ = shape;
  out.chunk_rows_ = std::max<int64_t>(1, std::min(chunk_rows, shape[0]));

  const Hdf5Lock lock;
  std::vector<hsize_t> chunk = to_hsize(shape);
  chunk[0] = static_cast<hsize_t>(out.chunk_rows_);
  const Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
  H5Pset_deflate(creation, kDeflateLevel);
  forget_times(creation);
  make_groups(file_->id, name);
  const Id space(H5Screate_simple(static_cast<int>(shape.size()), to_hsize(shape).data(), nullptr), H5Sclose);
  const hid_t id = H5Dcreate2(file_->id, name.c_str(), native_type(type), space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (id < 0) fail_at("can't create array (" + last_error() + ")", out.name_);
  out.array_ = std::make_shared<H5Array::Handle>(id);
  return out;
}

H5Array H5File::open_array(const std::string& name) const {
  H5Array out;
  out.name_ = file_->path + ":" + name;
  out.file_ = file_;
  const Hdf5Lock lock;
  const hid_t id = H5Dopen2(file_->id, name.c_str(), H5P_DEFAULT);
  if (id < 0) fail_at("no such array", out.name_);
  out.array_ = std::make_shared<H5Array::Handle>(id);

  const Id type(H5Dget_type(id), H5Tclose);
  if (H5Tequal(type, H5T_STD_I32LE) > 0) {
    out.type_ = H5Type::int32;
  } else if (H5Tequal(type, H5T_STD_U8LE) <= 0) {
    fail_at("element type is neither uint8 nor int32", out.name_);
  }
  const Id space(H5Dget_space(id), H5Sclose);
  const int dims = H5Sget_simple_extent_ndims(space);
  if (dims < 1 || dims > 2) fail_at("array has not one or two dimensions", out.name_);
  std::vector<hsize_t> shape(dims);
  H5Sget_simple_extent_dims(space, shape.data(), nullptr);
  out.shape_.assign(shape.begin(), shape.end());

  const Id creation(H5Dget_create_plist(id), H5Pclose);
  std::vector<hsize_t> chunk(dims);
  const bool chunked = H5Pget_chunk(creation, dims, chunk.data()) == dims;
  // Larger chunks than any writer of ours makes would let a damaged header ask for any amount of memory.
  constexpr hsize_t kMaxChunkBytes = hsize_t{1} << 30;
  if (!chunked || (dims == 2 && chunk[1] != shape[1]) || chunk[0] > kMaxChunkBytes ||
      chunk[0] * static_cast<hsize_t>(out.row_bytes()) > kMaxChunkBytes) {
    fail_at("array is not cut into chunks of whole rows", out.name_);
  }
  out.chunk_rows_ = static_cast<int64_t>(chunk[0]);
  unsigned flags = 0;
  unsigned filter_config = 0;
  size_t num_values = 0;
  if (H5Pget_nfilters(creation) != 1 ||
      H5Pget_filter2(creation, 0, &flags, &num_values, nullptr, 0, nullptr, &filter_config) != H5Z_FILTER_DEFLATE) {
    fail_at("array has other filters than deflate", out.name_);
  }
  return out;
}

void H5File::flush() {
  const Hdf5Lock lock;
  if (H5Fflush(file_->id, H5F_SCOPE_GLOBAL) < 0) fail_at("write failed (" + last_error() + ")", file_->path);
}

int64_t H5Array::row_bytes() const {
  return element_bytes(type_) * (shape_.size() > 1 ? shape_[1] : 1);
}

void H5Array::fail(const std::string& what) const {
  fail_at(what, name_);
}

void H5Array::require(H5Type type, const std::vector<int64_t>& shape) const {
  bool fits = type == type_ && shape.size() == shape_.size();
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] == -1 || shape[i] == shape_[i];
  if (fits) return;
  std::string wanted;
  for (const int64_t size : shape)
    wanted += (wanted.empty() ? "" : " x ") + (size == -1 ? "any" : std::to_string(size));
  std::string found;
  for (const int64_t size : shape_) found += (found.empty() ? "" : " x ") + std::to_string(size);
  const auto type_name = [](H5Type t) { return std::string(t == H5Type::uint8 ? "uint8 " : "int32 "); };
  fail("array is " + type_name(type_) + found + ", not " + type_name(type) + wanted);
}

void H5Array::write_chunk(int64_t chunk, std::span<const std::byte> deflated) {
  const Hdf5Lock lock;
  const std::array<hsize_t, 2> start = {static_cast<hsize_t>(chunk * chunk_rows_), 0};
  if (H5Dwrite_chunk(array_->id, H5P_DEFAULT, 0, start.data(), deflated.size(), deflated.data()) < 0) {
    fail("write failed (" + last_error() + ")");
  }
}

void H5Array::read_chunk(int64_t chunk, std::span<std::byte> out) const {
  thread_local std::vector<std::byte> stored;
  {
    const Hdf5Lock lock;
    const std::array<hsize_t, 2> start = {static_cast<hsize_t>(chunk * chunk_rows_), 0};
    hsize_t size = 0;
    if (H5Dget_chunk_storage_size(array_->id, start.data(), &size) < 0 || size == 0) {
      fail("chunk " + std::to_string(chunk) + " is missing");
    }
    if (size > libdeflate_zlib_compress_bound(nullptr, out.size())) {
      fail("chunk " + std::to_string(chunk) + " is larger than possible");
    }
    stored.resize(size);
    uint32_t skipped_filters = 0;
    if (H5Dread_chunk(array_->id, H5P_DEFAULT, start.data(), &skipped_filters, stored.data()) < 0) {
      fail("chunk " + std::to_string(chunk) + " can't be read (" + last_error() + ")");
    }
    if (skipped_filters != 0) fail("chunk " + std::to_string(chunk) + " is not deflated");
  }
  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(libdeflate_alloc_decompressor());
  // Fails on any damage: the size must be exact and the stream ends with a checksum.
  if (libdeflate_zlib_decompress(decompressor.get(), stored.data(), stored.size(), out.data(), out.size(), nullptr) !=
      LIBDEFLATE_SUCCESS) {
    fail("chunk " + std::to_string(chunk) + " is damaged");
  }
}

size_t H5Array::checked_bytes() const {
  const Hdf5Lock lock;
  // Deflate can't shrink anything more than 1032 times, so a damaged header can't ask for more memory than that.
  constexpr int64_t kLargestRatio = 1032;
  const int64_t stored = static_cast<int64_t>(H5Dget_storage_size(array_->id));
  if (rows() > stored * kLargestRatio / row_bytes()) fail("array is larger than its stored chunks can hold");
  return static_cast<size_t>(rows() * row_bytes());
}

void H5Array::read_bytes(std::span<std::byte> out) const {
  const size_t chunk_bytes = static_cast<size_t>(chunk_rows_ * row_bytes());
  std::vector<std::byte> last(chunk_bytes);
  for (int64_t chunk = 0; chunk < num_chunks(); ++chunk) {
    if (out.size() >= chunk_bytes) {
      read_chunk(chunk, out.first(chunk_bytes));
      out = out.subspan(chunk_bytes);
    } else {
      read_chunk(chunk, last);
      std::copy_n(last.begin(), out.size(), out.begin());
    }
  }
}

struct ChunkDeflater::Compressor {
  Compressor() : handle(libdeflate_alloc_compressor(kDeflateLevel)) { TERN_CHECK(handle != nullptr, "libdeflate"); }
  ~Compressor() { libdeflate_free_compressor(handle); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  libdeflate_compressor* handle;
};

ChunkDeflater::ChunkDeflater() : compressor_(std::make_unique<Compressor>()) {}
ChunkDeflater::~ChunkDeflater() = default;

void ChunkDeflater::deflate(std::span<const std::byte> chunk, std::vector<std::byte>& out) {
  out.resize(libdeflate_zlib_compress_bound(compressor_->handle, chunk.size()));
  out.resize(libdeflate_zlib_compress(compressor_->handle, chunk.data(), chunk.size(), out.data(), out.size()));
}

}  // namespace tern::puzzles
