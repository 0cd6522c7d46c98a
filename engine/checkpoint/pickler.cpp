#include <algorithm>

#include "base/error.h"
#include "engine/checkpoint/dtype.h"
#include "engine/checkpoint/pickle.h"

namespace tern {

namespace {

template <typename T>
void put_number(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(T));
}

void put_string(std::string& out, const std::string& text) {
  out += 'X';
  put_number(out, static_cast<uint32_t>(text.size()));
  out += text;
}

void put_integer(std::string& out, int64_t number) {
  if (number >= 0 && number <= INT32_MAX) {
    out += 'J';
    put_number(out, static_cast<int32_t>(number));
  } else {
    out += "\x8a\x08";
    put_number(out, number);
  }
}

void put_tuple(std::string& out, const std::vector<int64_t>& items) {
  out += '(';
  for (const int64_t item : items) put_integer(out, item);
  out += 't';
}

void put_global(std::string& out, std::string_view module, std::string_view name) {
  out += 'c';
  out.append(module).append("\n").append(name).append("\n");
}

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (size_t i = sizes.size(); i > 0; --i) {
    strides[i - 1] = stride;
    stride *= std::max<int64_t>(sizes[i - 1], 1);
  }
  return strides;
}

int64_t element_count(const std::vector<int64_t>& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return count;
}

// The persistent id ('storage', type, key, 'cpu', elements); bytes instead of elements for untyped storages.
void put_storage(std::string& out, const PickledTensor& tensor, const DtypeNames& dtype) {
  const bool typed = !dtype.torch_storage.empty();
  out += '(';
  put_string(out, "storage");
  put_global(out, typed ? "torch" : "torch.storage", typed ? dtype.torch_storage : "UntypedStorage");
  put_string(out, tensor.storage_key);
  put_string(out, "cpu");
  const int64_t elements = element_count(tensor.sizes);
  put_integer(out, typed ? elements : elements * static_cast<int64_t>(c10::elementSize(tensor.dtype)));
  out += "tQ";
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks); v3, for dtypes without a storage
// class of their own, takes the dtype as well.
void put_tensor(std::string& out, const PickledTensor& tensor) {
  const DtypeNames* dtype = find_dtype(tensor.dtype);
  TERN_CHECK(dtype != nullptr, tensor.name);
  const bool typed = !dtype->torch_storage.empty();
  put_global(out, "torch._utils", typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  out += '(';
  put_storage(out, tensor, *dtype);
  put_integer(out, 0);
  put_tuple(out, tensor.sizes);
  put_tuple(out, contiguous_strides(tensor.sizes));
  out += '\x89';
  put_global(out, "collections", "OrderedDict");
  out += ")R";
  if (!typed) put_global(out, "torch", dtype->torch);
  out += "tR";
}

// Big-endian, unlike all other numbers of a pickle.
void put_double(std::string& out, double number) {
  std::string bytes;
  put_number(bytes, number);
  out += 'G';
  out.append(bytes.rbegin(), bytes.rend());
}

class ObjectPickler {
 public:
  explicit ObjectPickler(std::vector<at::Tensor>& tensors) : tensors_(tensors) {}

  void put(const PickleValue& value) { std::visit(*this, value.data); }

  void operator()(std::monostate) { out += 'N'; }
  void operator()(bool value) { out += value ? '\x88' : '\x89'; }
  void operator()(int64_t value) { put_integer(out, value); }
  void operator()(double value) { put_double(out, value); }
  void operator()(const std::string& value) { put_string(out, value); }
  void operator()(const PickleTuple& tuple) {
    out += '(';
    for (const PickleRef item : tuple.items) put(*item);
    out += 't';
  }
  void operator()(const PickleList& list) {
    out += "](";
    for (const PickleRef item : list.items) put(*item);
    out += 'e';
  }
  void operator()(const PickleDict& dict) {
    out += "}(";
    for (const auto& [key, value] : dict.items) {
      put(*key);
      put(*value);
    }
    out += 'u';
  }
  void operator()(const at::Tensor& tensor) {
    put_tensor(out, {"", std::to_string(tensors_.size()), tensor.scalar_type(), tensor.sizes().vec()});
    tensors_.push_back(tensor);
  }
  void operator()(const PickleGlobal& global) { TERN_CHECK(false, "a pickle of the global " + global.name); }
  void operator()(const PickleStorage&) { TERN_CHECK(false, "a pickle of a bare storage"); }

  std::string out = "\x80\x02";

 private:
  std::vector<at::Tensor>& tensors_;
};

}  // namespace

std::string pickle_object(const PickleValue& object, std::vector<at::Tensor>& tensors) {
  ObjectPickler pickler(tensors);
  pickler.put(object);
  return pickler.out + '.';
}

std::string pickle_state_dict(const std::vector<PickledTensor>& tensors) {
  std::string out = "\x80\x02}(";
  for (const PickledTensor& tensor : tensors) {
    put_string(out, tensor.name);
    put_tensor(out, tensor);
  }
  return out + "u.";
}

}  // namespace tern
