#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/checkpoint/pickle.h"

namespace tern {

Unpickler::Unpickler(std::string_view bytes, PickleFactory& factory, std::string where)
    : bytes_(bytes), factory_(factory), where_(std::move(where)) {}

PickleRef Unpickler::load() {
  try {
    while (step(take_number<uint8_t>())) {
    }
    if (stack_.size() != 1 || !marks_.empty()) throw PickleProblem("it ends with an unfinished value");
    return stack_.back();
  } catch (const PickleProblem& problem) {
    throw Error(ErrorKind::checkpoint, fmt::format("pickle refused at byte {}: {}", position_, problem.what()), where_);
  }
}

std::string_view Unpickler::take(uint64_t size) {
  if (size > bytes_.size() - position_) throw PickleProblem("it ends too early");
  const std::string_view taken = bytes_.substr(position_, size);
  position_ += size;
  return taken;
}

std::string_view Unpickler::take_line() {
  const size_t end = bytes_.find('\n', position_);
  if (end == std::string_view::npos) throw PickleProblem("it ends too early");
  const std::string_view line = take(end - position_);
  ++position_;
  return line;
}

template <typename T>
T Unpickler::take_number() {
  T number;
  std::memcpy(&number, take(sizeof(T)).data(), sizeof(T));
  return number;
}

void Unpickler::push(PickleData data) {
  values_.push_back({std::move(data)});
  stack_.push_back(&values_.back());
}

PickleRef Unpickler::top() const {
  // Values below an open mark belong to it.
  if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) throw PickleProblem("the stack is empty");
  return stack_.back();
}

PickleRef Unpickler::pop() {
  const PickleRef value = top();
  stack_.pop_back();
  return value;
}

std::vector<PickleRef> Unpickler::pop_mark() {
  if (marks_.empty()) throw PickleProblem("no mark is open");
  const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  std::vector<PickleRef> values(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return values;
}

bool Unpickler::step(uint8_t opcode) {
  switch (opcode) {
    case 0x80:
      if (take_number<uint8_t>() != 2) throw PickleProblem("not the protocol that torch.save writes (2)");
      break;
    case '.': return false;
    case '(': marks_.push_back(stack_.size()); break;
    case 'N': push(std::monostate()); break;
    case 0x88: push(true); break;
    case 0x89: push(false); break;
    case 'J': push(int64_t{take_number<int32_t>()}); break;
    case 'K': push(int64_t{take_number<uint8_t>()}); break;
    case 'M': push(int64_t{take_number<uint16_t>()}); break;
    case 0x8a: push_long(); break;
    case 'G': push(std::bit_cast<double>(__builtin_bswap64(take_number<uint64_t>()))); break;
    case 'X':
    case 'T': push(std::string(take(take_number<uint32_t>()))); break;
    case 'U': push(std::string(take(take_number<uint8_t>()))); break;
    case ')': push(PickleTuple()); break;
    case 't': push(PickleTuple{pop_mark()}); break;
    case 0x85: push_tuple(1); break;
    case 0x86: push_tuple(2); break;
    case 0x87: push_tuple(3); break;
    case ']': push(PickleList()); break;
    case 'a': append({pop()}); break;
    case 'e': append(pop_mark()); break;
    case '}': push(PickleDict()); break;
    case 's': set_item(); break;
    case 'u': set_items(pop_mark()); break;
    case 'q': memoize(take_number<uint8_t>()); break;
    case 'r': memoize(take_number<uint32_t>()); break;
    case 'h': recall(take_number<uint8_t>()); break;
    case 'j': recall(take_number<uint32_t>()); break;
    case 'c': push_global(); break;
    case 'Q': push(factory_.persistent(pop())); break;
    case 'R': reduce(); break;
    case 'b': build(); break;
    default: throw PickleProblem(fmt::format("opcode 0x{:02x} is none that torch.save writes", opcode));
  }
  return true;
}

// Little-endian two's complement of as many bytes as the value needs.
void Unpickler::push_long() {
  const std::string_view digits = take(take_number<uint8_t>());
  if (digits.size() > sizeof(int64_t)) throw PickleProblem("an integer has more than 64 bits");
  const bool negative = !digits.empty() && (static_cast<uint8_t>(digits.back()) & 0x80) != 0;
  int64_t number = negative ? -1 : 0;
  std::memcpy(&number, digits.data(), digits.size());
  push(number);
}

void Unpickler::push_tuple(size_t size) {
  PickleTuple tuple;
  tuple.items.resize(size);
  for (size_t i = size; i > 0; --i) tuple.items[i - 1] = pop();
  push(std::move(tuple));
}

void Unpickler::push_global() {
  const std::string module(take_line());
  const std::string name = module + "." + std::string(take_line());
  if (!factory_.knows(name)) throw PickleProblem("it asks for " + name + ", which no file of tensors needs");
  push(PickleGlobal{name});
}

void Unpickler::memoize(uint64_t index) {
  memo_[index] = top();
}

void Unpickler::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) throw PickleProblem(fmt::format("nothing was remembered as number {}", index));
  stack_.push_back(found->second);
}

void Unpickler::append(const std::vector<PickleRef>& items) {
  auto& list = pickle_as<PickleList>(top(), "a list").items;
  list.insert(list.end(), items.begin(), items.end());
}

void Unpickler::set_item() {
  const PickleRef value = pop();
  const PickleRef key = pop();
  set_items({key, value});
}

void Unpickler::set_items(const std::vector<PickleRef>& keys_and_values) {
  if (keys_and_values.size() % 2 != 0) throw PickleProblem("a key has no value");
  auto& items = pickle_as<PickleDict>(top(), "a dict").items;
  for (size_t i = 0; i < keys_and_values.size(); i += 2) items.emplace_back(keys_and_values[i], keys_and_values[i + 1]);
}

void Unpickler::reduce() {
  const PickleRef args = pop();
  const PickleRef function = pop();
  push(factory_.call(pickle_as<PickleGlobal>(function, "a function").name,
                     pickle_as<PickleTuple>(args, "a tuple of arguments").items));
}

// OrderedDict carries _metadata (module versions) as attributes; nothing here needs them.
void Unpickler::build() {
  pickle_as<PickleDict>(pop(), "attributes as a dict");
  pickle_as<PickleDict>(top(), "a dict that takes attributes");
}

}  // namespace tern
