#include "engine/checkpoint/torch_file.h"

#include <c10/core/Storage.h>
#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <exception>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_objects.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

using Reader = caffe2::serialize::PyTorchStreamReader;
using Writer = caffe2::serialize::PyTorchStreamWriter;

constexpr uint64_t kMaxPickleBytes = 1 << 30;
constexpr std::string_view kZipMagic = "PK";
constexpr std::string_view kOldMagic = "\x80\x02";

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& fix = "") {
  throw Error(ErrorKind::checkpoint, what, where, fix);
}

std::string magic_of(const fs::path& path) {
  const InputFile file(path);
  std::string magic(std::min<uint64_t>(file.size(), 2), '\0');
  file.read(0, magic.data(), magic.size());
  return magic;
}

// The zip reader below speaks to developers; this speaks to users about the files they really confuse it with.
void check_is_zip(const fs::path& path) {
  const std::string magic = magic_of(path);
  if (magic == kOldMagic) {
    refuse("this is the format of torch.save before torch 1.6", path.string(),
           "load and save it again with a newer torch");
  }
  if (magic != kZipMagic) refuse("not a file of torch.save", path.string());
}

// Records of torch.save are stored as they are, so none can be larger than the file: this keeps a hostile zip from
// asking for terabytes.
size_t checked_record_size(Reader& reader, const std::string& name, uint64_t limit, const std::string& where) {
  if (!reader.hasRecord(name)) refuse("record " + name + " is missing", where);
  const size_t size = reader.getRecordSize(name);
  if (size > limit) refuse(fmt::format("record {} claims {} bytes", name, size), where);
  return size;
}

std::string read_record(Reader& reader, const std::string& name, uint64_t limit, const std::string& where) {
  std::string text(checked_record_size(reader, name, limit, where), '\0');
  reader.getRecord(name, text.data(), text.size());
  return text;
}

c10::Storage read_storage(Reader& reader, const std::string& key, uint64_t bytes, uint64_t file_bytes,
                          const std::string& where) {
  const std::string name = "data/" + key;
  const size_t size = checked_record_size(reader, name, file_bytes, where);
  if (size < bytes) {
    refuse(fmt::format("record {} has {} bytes and its tensors need {}", name, size, bytes), where);
  }
  auto [data, read] = reader.getRecord(name);
  return {c10::Storage::use_byte_size_t(), read, std::move(data), /*allocator=*/nullptr, /*resizable=*/false};
}

bool holds_tensors(const PickleDict& dict) {
  return std::any_of(dict.items.begin(), dict.items.end(),
                     [](const auto& item) { return std::holds_alternative<at::Tensor>(item.second->data); });
}

// The dict of tensors: the object itself, or what training scripts put it under.
const PickleDict& find_state_dict(PickleRef root, const std::string& where) {
  const PickleDict* top = std::get_if<PickleDict>(&root->data);
  if (top == nullptr) refuse("the file holds no dict of tensors", where, "save model.state_dict()");
  if (holds_tensors(*top)) return *top;
  for (const auto& [key, value] : top->items) {
    const std::string* name = std::get_if<std::string>(&key->data);
    const PickleDict* dict = std::get_if<PickleDict>(&value->data);
    if (name == nullptr || dict == nullptr) continue;
    if (*name == "model" || *name == "state_dict" || *name == "model_state_dict") return *dict;
  }
  return *top;
}

TorchFile collect_tensors(const PickleDict& dict, const std::string& where) {
  std::map<std::string, at::Tensor> last;  // of equal keys Python keeps the last value, in the first one's place
  TorchFile result;
  for (const auto& [key, value] : dict.items) {
    const std::string* name = std::get_if<std::string>(&key->data);
    if (name == nullptr) refuse("a key of the dict of tensors is not a string", where);
    const at::Tensor* tensor = std::get_if<at::Tensor>(&value->data);
    if (tensor == nullptr) {
      result.skipped.push_back(*name);
    } else if (last.insert_or_assign(*name, *tensor).second) {
      result.tensors.emplace_back(*name, at::Tensor());
    }
  }
  for (auto& [name, tensor] : result.tensors) tensor = last[name];
  return result;
}

TorchFile read_archive(const fs::path& path) {
  const std::string where = path.string();
  const uint64_t file_bytes = fs::file_size(path);
  Reader reader(where);
  if (reader.hasRecord("byteorder") && read_record(reader, "byteorder", 16, where) != "little") {
    refuse("written on a big-endian machine", where);
  }
  const std::string pickle = read_record(reader, "data.pkl", std::min(file_bytes, kMaxPickleBytes), where);
  TorchObjects objects(
      [&](const std::string& key, uint64_t bytes) { return read_storage(reader, key, bytes, file_bytes, where); });
  Unpickler unpickler(pickle, objects, where);
  return collect_tensors(find_state_dict(unpickler.load(), where), where);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void write_records(Writer& writer, const TensorList& tensors) {
  std::vector<PickledTensor> pickled;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    pickled.push_back({name, std::to_string(i), tensor.scalar_type(), tensor.sizes().vec()});
  }
  const std::string pickle = pickle_state_dict(pickled);
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  const std::string byteorder = "little";
  writer.writeRecord("byteorder", byteorder.data(), byteorder.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor contiguous = tensors[i].second.contiguous();
    writer.writeRecord("data/" + std::to_string(i), contiguous.const_data_ptr(), contiguous.nbytes());
  }
  writer.writeEndOfFile();
}

}  // namespace

bool is_torch_file(const fs::path& path) {
  const std::string magic = magic_of(path);
  return magic == kZipMagic || magic == kOldMagic;
}

TorchFile read_torch_file(const fs::path& path) {
  check_is_zip(path);
  try {
    return read_archive(path);
  } catch (const c10::Error& e) {
    refuse("damaged file of torch.save: " + first_line(e.what_without_backtrace()), path.string());
  }
}

void write_torch_file(const fs::path& path, const TensorList& tensors) {
  write_whole_file(path, [&](OutputFile& file) {
    // An exception must not pass through the zip writer's C code: it is kept, and thrown when that has given up.
    std::exception_ptr failure;
    const auto write = [&](const void* data, size_t size) -> size_t {
      try {
        file.write(data, size);
        return size;
      } catch (...) {
        failure = std::current_exception();
        return 0;
      }
    };
    try {
      Writer writer(write);
      write_records(writer, tensors);
    } catch (const c10::Error&) {
      if (failure) std::rethrow_exception(failure);
      throw;
    }
  });
}

}  // namespace tern
