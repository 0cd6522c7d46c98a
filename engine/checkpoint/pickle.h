// Python's pickle as far as torch.save uses it (protocol 2). Reading makes plain values; everything else is asked of a
// PickleFactory, which names the few classes it knows. Any other class or function is refused by name before anything
// happens: that is the safety that pickle itself lacks.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Storage.h>

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace tern {

struct PickleValue;
using PickleRef = PickleValue*;  // owned by the Unpickler: pickles may hold cycles

struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleDict {  // dict and OrderedDict; insertion order, equal keys not merged
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
struct PickleGlobal {
  std::string name;  // "module.name"
};
struct PickleStorage {
  c10::Storage storage;
  at::ScalarType dtype = at::ScalarType::Byte;  // Byte: untyped, too
};

// monostate: None
using PickleData = std::variant<std::monostate, bool, int64_t, double, std::string, PickleTuple, PickleList, PickleDict,
                                PickleGlobal, PickleStorage, at::Tensor>;

struct PickleValue {
  PickleData data;
};

// What is wrong with a pickle; Unpickler adds place and file and makes an Error(checkpoint) of it.
struct PickleProblem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The value as a T, or PickleProblem "expected <what>".
template <typename T>
T& pickle_as(PickleRef value, const char* what) {
  T* typed = std::get_if<T>(&value->data);
  if (typed == nullptr) throw PickleProblem(std::string("expected ") + what);
  return *typed;
}

class PickleFactory {
 public:
  virtual ~PickleFactory() = default;
  // Whether a pickle may name this class or function at all.
  [[nodiscard]] virtual bool knows(const std::string& global) const = 0;
  // The result of calling a known global.
  virtual PickleData call(const std::string& global, const std::vector<PickleRef>& args) = 0;
  // The object that is stored outside the pickle under id.
  virtual PickleData persistent(PickleRef id) = 0;
};

class Unpickler {
 public:
  // where names the file in errors. bytes and factory must outlive this.
  Unpickler(std::string_view bytes, PickleFactory& factory, std::string where);

  // The pickled object; lives as long as this. Throws Error(checkpoint). Call once.
  PickleRef load();

 private:
  std::string_view take(uint64_t size);
  std::string_view take_line();
  template <typename T>
  T take_number();

  void push(PickleData data);
  [[nodiscard]] PickleRef top() const;
  PickleRef pop();
  std::vector<PickleRef> pop_mark();

  bool step(uint8_t opcode);  // false at the end
  void push_long();
  void push_tuple(size_t size);
  void push_global();
  void memoize(uint64_t index);
  void recall(uint64_t index);
  void append(const std::vector<PickleRef>& items);
  void set_items(const std::vector<PickleRef>& keys_and_values);
  void set_item();
  void reduce();
  void build();

  std::string_view bytes_;
  size_t position_ = 0;
  PickleFactory& factory_;
  const std::string where_;

  std::deque<PickleValue> values_;  // addresses stay
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;  // stack heights
  std::unordered_map<uint64_t, PickleRef> memo_;
};

// A tensor as a pickle refers to it: contiguous, from the start of the storage under this key.
struct PickledTensor {
  std::string name;
  std::string storage_key;
  at::ScalarType dtype;
  std::vector<int64_t> sizes;
};

// A dict of tensors that Python's torch.load(weights_only=True) accepts.
[[nodiscard]] std::string pickle_state_dict(const std::vector<PickledTensor>& tensors);

// The same for any nesting of dicts, lists, tuples, plain values and tensors. Tensors are appended to `tensors`; each
// is stored, contiguous, under its index there.
[[nodiscard]] std::string pickle_object(const PickleValue& object, std::vector<at::Tensor>& tensors);

}  // namespace tern
