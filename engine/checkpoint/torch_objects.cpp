#include "engine/checkpoint/torch_objects.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "engine/checkpoint/dtype.h"

namespace tern {

namespace {

using Args = std::vector<PickleRef>;

constexpr const char* kOrderedDict = "collections.OrderedDict";
constexpr const char* kTensor = "torch._utils._rebuild_tensor_v2";
constexpr const char* kTensorOfDtype = "torch._utils._rebuild_tensor_v3";
constexpr const char* kParameter = "torch._utils._rebuild_parameter";
constexpr const char* kUntypedStorage = "torch.storage.UntypedStorage";
constexpr const char* kSize = "torch.Size";
constexpr const char* kDevice = "torch.device";
constexpr const char* kFunctions[] = {kOrderedDict,    kTensor, kTensorOfDtype, kParameter,
                                      kUntypedStorage, kSize,   kDevice};

std::optional<at::ScalarType> dtype_of_storage(const std::string& global) {
  if (global == kUntypedStorage) return at::ScalarType::Byte;
  for (const DtypeNames& names : dtype_names()) {
    if (!names.torch_storage.empty() && global == "torch." + std::string(names.torch_storage)) return names.dtype;
  }
  return std::nullopt;
}

std::optional<at::ScalarType> dtype_of_name(const std::string& global) {
  for (const DtypeNames& names : dtype_names()) {
    if (global == "torch." + std::string(names.torch)) return names.dtype;
  }
  return std::nullopt;
}

void need_args(const Args& args, size_t least, size_t most) {
  if (args.size() < least || args.size() > most) {
    throw PickleProblem(fmt::format("a call has {} arguments", args.size()));
  }
}

int64_t natural(PickleRef value) {
  const int64_t number = pickle_as<int64_t>(value, "an integer");
  if (number < 0) throw PickleProblem("an integer is negative");
  return number;
}

std::vector<int64_t> naturals(PickleRef tuple) {
  std::vector<int64_t> numbers;
  for (const PickleRef item : pickle_as<PickleTuple>(tuple, "a tuple").items) numbers.push_back(natural(item));
  return numbers;
}

// Elements from the storage's start to the view's last one, plus one; the storage must hold as many. Also refuses a
// shape whose element count overflows, which strides of 0 would let through.
int64_t elements_needed(int64_t offset, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  if (sizes.size() != strides.size()) throw PickleProblem("a tensor has more sizes than strides, or fewer");
  int64_t last = offset;
  int64_t count = 1;
  bool overflow = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t reach = 0;
    overflow |= __builtin_mul_overflow(count, std::max<int64_t>(sizes[i], 1), &count);
    overflow |= __builtin_mul_overflow(std::max<int64_t>(sizes[i] - 1, 0), strides[i], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  overflow |= __builtin_add_overflow(last, 1, &last);
  if (overflow || count > std::numeric_limits<int64_t>::max() / 16)
    throw PickleProblem("a tensor's shape is too large");
  const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  return empty ? 0 : last;
}

at::Tensor make_view(const PickleStorage& storage, at::ScalarType dtype, const Args& args) {
  const int64_t offset = natural(args[1]);
  const std::vector<int64_t> sizes = naturals(args[2]);
  const std::vector<int64_t> strides = naturals(args[3]);
  const int64_t needed = elements_needed(offset, sizes, strides);
  const int64_t present = static_cast<int64_t>(storage.storage.nbytes() / c10::elementSize(dtype));
  if (needed > present) {
    throw PickleProblem(fmt::format("a tensor needs {} elements and its storage has {}", needed, present));
  }
  at::Tensor tensor = at::empty({0}, at::TensorOptions(dtype));
  // An empty view may have any offset in the file; torch would grow the storage to reach it.
  tensor.set_(storage.storage, needed == 0 ? 0 : offset, sizes, strides);
  return tensor;
}

// (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
at::Tensor rebuild_tensor(const Args& args) {
  need_args(args, 6, 7);
  const PickleStorage& storage = pickle_as<PickleStorage>(args[0], "a storage");
  return make_view(storage, storage.dtype, args);
}

// (storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata])
at::Tensor rebuild_tensor_of_dtype(const Args& args) {
  need_args(args, 7, 8);
  const std::string& name = pickle_as<PickleGlobal>(args[6], "a dtype").name;
  const std::optional<at::ScalarType> dtype = dtype_of_name(name);
  if (!dtype) throw PickleProblem(name + " is not a dtype");
  return make_view(pickle_as<PickleStorage>(args[0], "a storage"), *dtype, args);
}

PickleDict make_dict(const Args& args) {
  need_args(args, 0, 1);
  PickleDict dict;
  if (args.empty()) return dict;
  for (const PickleRef item : pickle_as<PickleList>(args[0], "a list of pairs").items) {
    const auto& pair = pickle_as<PickleTuple>(item, "a pair").items;
    if (pair.size() != 2) throw PickleProblem("expected a pair");
    dict.items.emplace_back(pair[0], pair[1]);
  }
  return dict;
}

}  // namespace

bool TorchObjects::knows(const std::string& global) const {
  return std::find(std::begin(kFunctions), std::end(kFunctions), global) != std::end(kFunctions) ||
         dtype_of_storage(global) || dtype_of_name(global);
}

PickleData TorchObjects::call(const std::string& global, const Args& args) {
  if (global == kOrderedDict) return make_dict(args);
  if (global == kTensor) return rebuild_tensor(args);
  if (global == kTensorOfDtype) return rebuild_tensor_of_dtype(args);
  if (global == kParameter) {  // (data, requires_grad, backward_hooks)
    need_args(args, 3, 3);
    return pickle_as<at::Tensor>(args[0], "a tensor");
  }
  if (global == kSize) {
    need_args(args, 1, 1);
    return pickle_as<PickleTuple>(args[0], "a tuple");
  }
  if (global == kDevice) {
    need_args(args, 1, 2);
    return pickle_as<std::string>(args[0], "a device's name");
  }
  throw PickleProblem(global + " can't be called");
}

// ('storage', type, key, location, elements)
PickleData TorchObjects::persistent(PickleRef id) {
  const Args& parts = pickle_as<PickleTuple>(id, "a storage's tuple").items;
  if (parts.size() != 5 || pickle_as<std::string>(parts[0], "the word storage") != "storage") {
    throw PickleProblem("expected a storage");
  }
  const std::string& type = pickle_as<PickleGlobal>(parts[1], "a storage class").name;
  const std::optional<at::ScalarType> dtype = dtype_of_storage(type);
  if (!dtype) throw PickleProblem(type + " is not a storage class");
  const std::string& key = pickle_as<std::string>(parts[2], "a storage's key");
  int64_t bytes = 0;
  if (__builtin_mul_overflow(natural(parts[4]), static_cast<int64_t>(c10::elementSize(*dtype)), &bytes)) {
    throw PickleProblem("a storage is too large");
  }
  auto found = storages_.find(key);
  if (found == storages_.end()) {
    found = storages_.emplace(key, load_storage_(key, static_cast<uint64_t>(bytes))).first;
  }
  return PickleStorage{found->second, *dtype};
}

}  // namespace tern
