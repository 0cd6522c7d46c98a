#include "engine/checkpoint/torch_file.h"

#include <ATen/ops/empty.h>
#include <c10/core/Storage.h>
#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <exception>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/zip.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_objects.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// Torch's own writer: alignment, version and identity records come out as torch.save makes them.
using Writer = caffe2::serialize::PyTorchStreamWriter;

constexpr std::string_view kZipMagic = "PK";
constexpr std::string_view kOldMagic = "\x80\x02";

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& fix = "") {
  throw Error(ErrorKind::checkpoint, what, where, fix);
}

[[noreturn]] void refuse_old_format(const std::string& where) {
  refuse("this is the format of torch.save before torch 1.6", where, "load and save it again with a newer torch");
}

// The records of an archive, all of which lie in one folder of any name. Torch's own reader leaves their CRC-32
// unchecked; this one compares it, so a damaged weight is an error.
class Records {
 public:
  Records(std::span<const std::byte> bytes, std::string where)
      : zip_(bytes, ErrorKind::checkpoint, where), where_(std::move(where)) {
    if (zip_.entries().empty()) refuse("the archive is empty", where_);
    const std::string& first = zip_.entries().front().name;
    folder_ = first.substr(0, first.find('/') + 1);
  }

  [[nodiscard]] bool has(const std::string& name) const { return zip_.find(folder_ + name) != nullptr; }

  [[nodiscard]] std::string_view read(const std::string& name) const {
    const ZipEntry* entry = zip_.find(folder_ + name);
    if (entry == nullptr) refuse("record " + name + " is missing", where_);
    const std::span<const std::byte> bytes = zip_.stored(*entry);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  ZipArchive zip_;
  std::string where_;
  std::string folder_;
};

c10::Storage read_storage(const Records& records, const std::string& key, uint64_t bytes, const std::string& where) {
  const std::string name = "data/" + key;
  const std::string_view record = records.read(name);
  if (record.size() < bytes) {
    refuse(fmt::format("record {} has {} bytes and its tensors need {}", name, record.size(), bytes), where);
  }
  const at::Tensor copy = at::empty({static_cast<int64_t>(record.size())}, at::TensorOptions(at::ScalarType::Byte));
  std::copy(record.begin(), record.end(), static_cast<char*>(copy.mutable_data_ptr()));
  return copy.storage();
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

// Calls visit with the object in a file's bytes.
template <class Visit>
auto visit_object(std::span<const std::byte> bytes, const std::string& where, const Visit& visit) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kOldMagic)) refuse_old_format(where);
  if (!text.starts_with(kZipMagic)) refuse("not a file of torch.save", where);
  const Records records(bytes, where);
  if (records.has("byteorder") && records.read("byteorder") != "little") {
    refuse("written on a big-endian machine", where);
  }
  TorchObjects objects(
      [&](const std::string& key, uint64_t needed) { return read_storage(records, key, needed, where); });
  Unpickler unpickler(records.read("data.pkl"), objects, where);
  return visit(unpickler.load());
}

// tensors: in the order of the storage keys in the pickle.
void write_records(Writer& writer, const std::string& pickle, const std::vector<at::Tensor>& tensors) {
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  const std::string byteorder = "little";
  writer.writeRecord("byteorder", byteorder.data(), byteorder.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor contiguous = tensors[i].contiguous();
    writer.writeRecord("data/" + std::to_string(i), contiguous.const_data_ptr(), contiguous.nbytes());
  }
  writer.writeEndOfFile();
}

void write_archive(const fs::path& path, const std::string& pickle, const std::vector<at::Tensor>& tensors) {
  write_whole_file(path, [&](OutputFile& file) {
    // The zip writer can't be told that a write failed: an exception must not pass through its C code, and after an
    // error its destructor throws. So the failure is kept, the rest is dropped, and the failure thrown at the end.
    std::exception_ptr failure;
    {
      Writer writer([&](const void* data, size_t size) -> size_t {
        try {
          if (!failure) file.write(data, size);
        } catch (...) {
          failure = std::current_exception();
        }
        return size;
      });
      write_records(writer, pickle, tensors);
    }
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace

bool is_torch_file(const fs::path& path) {
  const InputFile file(path);
  std::string magic(std::min<uint64_t>(file.size(), kZipMagic.size()), '\0');
  file.read(0, magic.data(), magic.size());
  return magic == kZipMagic || magic == kOldMagic;
}

TorchFile parse_torch_file(std::span<const std::byte> bytes, const std::string& where) {
  return visit_object(bytes, where,
                      [&](PickleRef root) { return collect_tensors(find_state_dict(root, where), where); });
}

TorchFile read_torch_file(const fs::path& path) {
  const InputFile check(path);  // its errors are about checkpoints, the mapping's about data
  const MappedFile file(path);
  return parse_torch_file(file.bytes(), path.string());
}

void read_torch_object(const fs::path& path, const std::function<void(PickleValue*)>& visit) {
  const InputFile check(path);
  const MappedFile file(path);
  try {
    visit_object(file.bytes(), path.string(), visit);
  } catch (const PickleProblem& problem) {
    refuse(problem.what(), path.string());
  }
}

void write_torch_file(const fs::path& path, const TensorList& tensors) {
  std::vector<PickledTensor> pickled;
  std::vector<at::Tensor> storages;
  for (const auto& [name, tensor] : tensors) {
    pickled.push_back({name, std::to_string(storages.size()), tensor.scalar_type(), tensor.sizes().vec()});
    storages.push_back(tensor);
  }
  write_archive(path, pickle_state_dict(pickled), storages);
}

void write_torch_object(const fs::path& path, const PickleValue& object) {
  std::vector<at::Tensor> tensors;
  const std::string pickle = pickle_object(object, tensors);
  write_archive(path, pickle, tensors);
}

}  // namespace tern
