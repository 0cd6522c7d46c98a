#define PCRE2_CODE_UNIT_WIDTH 8
#include "data/text/regex_splitter.h"

#include <pcre2.h>

#include <new>

#include "base/error.h"

namespace tern::text {

const char* const kGpt2Pattern = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)";
const char* const kGpt4Pattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)";

namespace {

// Members of a class in brackets.
constexpr const char* kWhiteSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// The pattern with \s and \S spelled out.
std::string spell_out_white_space(const std::string& pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      const std::string members = kWhiteSpace;
      if (next == 's') {
        result += in_class ? members : "[" + members + "]";
      } else if (next == 'S' && !in_class) {
        result += "[^" + members + "]";
      } else {
        result += {c, next};
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    result += c;
  }
  return result;
}

// Backtracking of one match can need memory in the order of the text's length; the JIT's own stack of 32 kB can't hold
// it for pieces of some ten thousand characters.
constexpr size_t kStackStart = size_t{1} << 16;
constexpr size_t kStackLimit = size_t{1} << 30;

struct Release {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct RegexSplitter::Impl {
  std::unique_ptr<pcre2_code, Release> code;
  std::unique_ptr<pcre2_jit_stack, Release> stack;
  std::unique_ptr<pcre2_match_context, Release> context;
  std::unique_ptr<pcre2_match_data, Release> data;

  // End of the match that begins at `begin` or later; its start in `begin`. npos if there is none.
  size_t match(std::string_view text, size_t& begin) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const int status =
        pcre2_match(code.get(), subject, text.size(), begin, PCRE2_NO_UTF_CHECK, data.get(), context.get());
    if (status == PCRE2_ERROR_NOMATCH) return std::string_view::npos;
    if (status < 0) {
      throw Error(ErrorKind::data, "the pattern can't be matched: " + message_of(status),
                  "text of " + std::to_string(text.size()) + " bytes at byte " + std::to_string(begin),
                  "cut the text into shorter documents");
    }
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    begin = bounds[0];
    return bounds[1];
  }
};

RegexSplitter::RegexSplitter(const std::string& pattern) : impl_(std::make_unique<Impl>()) {
  const std::string spelled_out = spell_out_white_space(pattern);
  int code = 0;
  PCRE2_SIZE offset = 0;
  impl_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled_out.data()), spelled_out.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &code, &offset, nullptr));
  if (!impl_->code) throw Error(ErrorKind::usage, "not a regular expression: " + message_of(code), pattern);
  // Without JIT the interpreter matches the same, only slower.
  pcre2_jit_compile(impl_->code.get(), PCRE2_JIT_COMPLETE);
  impl_->stack.reset(pcre2_jit_stack_create(kStackStart, kStackLimit, nullptr));
  impl_->context.reset(pcre2_match_context_create(nullptr));
  impl_->data.reset(pcre2_match_data_create(1, nullptr));
  if (!impl_->stack || !impl_->context || !impl_->data) throw std::bad_alloc();
  pcre2_jit_stack_assign(impl_->context.get(), nullptr, impl_->stack.get());
  pcre2_set_match_limit(impl_->context.get(), UINT32_MAX);
  pcre2_set_depth_limit(impl_->context.get(), UINT32_MAX);
}

RegexSplitter::~RegexSplitter() = default;

void RegexSplitter::split(std::string_view text, const std::function<void(std::string_view)>& use) const {
  size_t position = 0;
  while (position < text.size()) {
    size_t begin = position;
    size_t end = impl_->match(text, begin);
    if (end == std::string_view::npos) begin = end = text.size();
    TERN_CHECK(end > position, "the pattern matches nothing at byte " + std::to_string(position));
    if (begin > position) use(text.substr(position, begin - position));
    if (end > begin) use(text.substr(begin, end - begin));
    position = end;
  }
}

}  // namespace tern::text
