#include "base/npy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/file.h"

namespace tern {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kAlignment = 64;
constexpr size_t kGrowthDigits = 21;  // numpy leaves room to rewrite the first axis in place
constexpr size_t kMaxHeader = 1 << 16;

[[noreturn]] void refuse(const std::string& what, const std::string& name) {
  throw Error(ErrorKind::data, what, name, "write it with numpy.save as a C-ordered, little-endian numeric array");
}

// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } with its keys in any order.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string name) : rest_(text), name_(std::move(name)) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && descr_.empty()) {
        descr_ = quoted();
      } else if (key == "fortran_order" && !fortran_order_) {
        fortran_order_ = boolean();
      } else if (key == "shape" && !shape_) {
        shape_ = tuple();
      } else {
        fail();
      }
      if (accept('}')) break;
      expect(',');
    }
    skip_space();
    if (!rest_.empty() || descr_.empty() || !fortran_order_ || !shape_) fail();
  }

  [[nodiscard]] std::string_view descr() const { return descr_; }
  [[nodiscard]] bool fortran_order() const { return *fortran_order_; }
  [[nodiscard]] const std::vector<int64_t>& shape() const { return *shape_; }

 private:
  [[noreturn]] void fail() const { refuse("npy header can't be parsed", name_); }

  void skip_space() {
    while (!rest_.empty() && std::strchr(" \t\r\n", rest_.front()) != nullptr && rest_.front() != '\0') {
      rest_.remove_prefix(1);
    }
  }

  bool accept(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail();
  }

  std::string_view quoted() {
    skip_space();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) fail();
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) fail();
    const std::string_view value = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return value;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return value;
      }
    }
    fail();
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      skip_space();
      int64_t value = -1;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error == std::errc::result_out_of_range) refuse("npy shape overflows", name_);
      if (error != std::errc() || value < 0) fail();
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      values.push_back(value);
      if (accept(',')) continue;
      if (values.size() == 1) fail();  // (3) is a number in Python, not a tuple
      expect(')');
      break;
    }
    return values;
  }

  std::string_view rest_;
  std::string name_;
  std::string_view descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<int64_t>> shape_;
};

NpyType parse_descr(std::string_view descr, const std::string& name) {
  const auto unsupported = [&] { refuse("npy element type '" + std::string(descr) + "' is not supported", name); };
  if (descr.starts_with('>')) refuse("npy data is big-endian ('" + std::string(descr) + "')", name);
  if (descr.starts_with("|O") || descr.starts_with('O')) refuse("npy data holds Python objects", name);
  if (descr.size() != 3 || (descr[0] != '<' && descr[0] != '|')) unsupported();
  const NpyType type{descr[1], descr[2] - '0'};
  const bool power_of_two = type.size == 1 || type.size == 2 || type.size == 4 || type.size == 8;
  const bool known = (type.kind == 'b' && type.size == 1) || ((type.kind == 'i' || type.kind == 'u') && power_of_two) ||
                     (type.kind == 'f' && power_of_two && type.size > 1);
  if (!known || (descr[0] == '|' && type.size != 1)) unsupported();
  return type;
}

uint32_t little_endian(std::span<const std::byte> bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<uint32_t>(bytes[i]) << (8 * i);
  return value;
}

// Bytes that the data must have; overflow is refused before anything is allocated or compared.
size_t data_bytes(const NpyType& type, std::span<const int64_t> shape, const std::string& name) {
  constexpr auto kLimit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  auto total = static_cast<uint64_t>(type.size);
  for (const int64_t extent : shape) {
    if (static_cast<uint64_t>(extent) > kLimit / total) refuse("npy shape overflows", name);
    total *= static_cast<uint64_t>(extent);
  }
  return total;
}

std::string shape_repr(std::span<const int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

// IEEE 754 binary16.
double half_to_double(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude = std::ldexp(exponent == 0 ? fraction : fraction + 1024, std::max(exponent, 1) - 25);
  if (exponent == 0x1f) magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <class T>
void widen(std::span<const T> source, std::vector<int64_t>& out, const std::string& name) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    for (const T v : source) {
      if (v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        throw Error(ErrorKind::data, "value " + std::to_string(v) + " is too large", name);
      }
    }
  }
  out.assign(source.begin(), source.end());
}

}  // namespace

std::string NpyType::descr() const {
  return std::string(size == 1 ? "|" : "<") + kind + std::to_string(size);
}

int64_t NpyArray::count() const {
  return static_cast<int64_t>(data.size()) / type.size;
}

void NpyArray::require_type(NpyType wanted) const {
  if (type == wanted) return;
  throw Error(ErrorKind::data, "element type is '" + type.descr() + "' where '" + wanted.descr() + "' is needed", name);
}

std::vector<int64_t> NpyArray::to_int64() const {
  std::vector<int64_t> out;
  if (type.kind == 'f')
    throw Error(ErrorKind::data, "element type is '" + type.descr() + "' where integers are needed", name);
  if (type.kind == 'b' || type == NpyType{'u', 1}) {
    widen(std::span(reinterpret_cast<const uint8_t*>(data.data()), data.size()), out, name);
  } else if (type == NpyType{'i', 1}) {
    widen(as<int8_t>(), out, name);
  } else if (type == NpyType{'i', 2}) {
    widen(as<int16_t>(), out, name);
  } else if (type == NpyType{'u', 2}) {
    widen(as<uint16_t>(), out, name);
  } else if (type == NpyType{'i', 4}) {
    widen(as<int32_t>(), out, name);
  } else if (type == NpyType{'u', 4}) {
    widen(as<uint32_t>(), out, name);
  } else if (type == NpyType{'i', 8}) {
    widen(as<int64_t>(), out, name);
  } else {
    widen(as<uint64_t>(), out, name);
  }
  return out;
}

std::vector<double> NpyArray::to_double() const {
  std::vector<double> out;
  if (type == NpyType{'f', 8}) {
    out.assign(as<double>().begin(), as<double>().end());
  } else if (type == NpyType{'f', 4}) {
    out.assign(as<float>().begin(), as<float>().end());
  } else if (type == NpyType{'f', 2}) {
    const std::span halves(reinterpret_cast<const uint16_t*>(data.data()), data.size() / 2);
    std::transform(halves.begin(), halves.end(), std::back_inserter(out), half_to_double);
  } else {
    const std::vector<int64_t> integers = to_int64();
    out.assign(integers.begin(), integers.end());
  }
  return out;
}

NpyArray parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) refuse("not an npy file", name);
  if (bytes.size() < 10) refuse("npy file is truncated in its header", name);
  const int version = std::to_integer<int>(bytes[6]);
  if (version < 1 || version > 3 || bytes[7] != std::byte{0}) refuse("npy version is not 1.0, 2.0 or 3.0", name);
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t prefix = 8 + length_bytes;
  if (bytes.size() < prefix) refuse("npy file is truncated in its header", name);
  const size_t header_size = little_endian(bytes.subspan(8, length_bytes));
  if (header_size > kMaxHeader) refuse("npy header is unreasonably long", name);
  if (bytes.size() - prefix < header_size) refuse("npy file is truncated in its header", name);

  HeaderParser header(text.substr(prefix, header_size), name);
  header.parse();
  NpyArray array{parse_descr(header.descr(), name), header.shape(), bytes.subspan(prefix + header_size),
                 std::move(owner), name};
  if (header.fortran_order()) refuse("npy data is in Fortran order", name);
  const size_t wanted = data_bytes(array.type, array.shape, name);
  if (array.data.size() != wanted) {
    refuse("npy file has " + std::to_string(array.data.size()) + " bytes of data where its header says " +
               std::to_string(wanted),
           name);
  }
  if (reinterpret_cast<uintptr_t>(array.data.data()) % static_cast<size_t>(array.type.size) != 0) {
    const auto copy = std::make_shared<std::vector<std::byte>>(array.data.begin(), array.data.end());
    array.data = *copy;
    array.owner = copy;
  }
  return array;
}

NpyArray open_npy(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return parse_npy(file->bytes(), file, path.string());
}

std::string npy_header(NpyType type, std::span<const int64_t> shape) {
  std::string dictionary =
      "{'descr': '" + type.descr() + "', 'fortran_order': False, 'shape': " + shape_repr(shape) + ", }";
  if (!shape.empty()) dictionary.append(kGrowthDigits - std::to_string(shape[0]).size(), ' ');
  const auto finish = [&](int version, size_t length_bytes) {
    const size_t prefix = kMagic.size() + 2 + length_bytes;
    const size_t unpadded = dictionary.size() + 1;
    const size_t padding = kAlignment - (prefix + unpadded) % kAlignment;  // numpy never pads by zero
    const size_t length = unpadded + padding;
    std::string header(kMagic);
    header += static_cast<char>(version);
    header += '\0';
    for (size_t i = 0; i < length_bytes; ++i) header += static_cast<char>((length >> (8 * i)) & 0xff);
    return header + dictionary + std::string(padding, ' ') + '\n';
  };
  const std::string first = finish(1, 2);
  return first.size() - 10 <= 0xffff ? first : finish(2, 4);
}

void save_npy(const std::filesystem::path& path, NpyType type, std::span<const int64_t> shape,
              std::span<const std::byte> data) {
  TERN_CHECK(data.size() == data_bytes(type, shape, path.string()), "shape and data differ in size");
  std::string content = npy_header(type, shape);
  content.append(reinterpret_cast<const char*>(data.data()), data.size());
  write_file_atomically(path, content);
}

}  // namespace tern
