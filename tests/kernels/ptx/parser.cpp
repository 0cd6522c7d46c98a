#include "tests/kernels/ptx/parser.h"

#include <array>
#include <cctype>
#include <fstream>
#include <sstream>

namespace tern::ptx {
namespace {

constexpr uint64_t kSharedAlign = 128;

uint64_t align_up(uint64_t value, uint64_t align) {
  return (value + align - 1) / align * align;
}

[[noreturn]] void reject(const Statement& statement, const std::string& what) {
  throw Fault("PTX line " + std::to_string(statement.line) + ": " + what + ": " + statement.text);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool is_shared_variable(const Statement& statement) {
  return statement.text[0] == '.' && contains(statement.text, ".shared");
}

// "name[count]" -> count, or 1.
uint64_t array_count(const std::string& declarator) {
  const size_t bracket = declarator.find('[');
  return bracket == std::string::npos ? 1 : std::stoull(declarator.substr(bracket + 1));
}

}  // namespace

unsigned size_of(Type type) {
  switch (type) {
    case Type::none: return 0;
    case Type::pred:
    case Type::u8:
    case Type::s8: return 1;
    case Type::u16:
    case Type::s16:
    case Type::bf16: return 2;
    case Type::u32:
    case Type::s32:
    case Type::bf16x2:
    case Type::f32: return 4;
    case Type::u64:
    case Type::s64:
    case Type::f64: return 8;
  }
  return 0;
}

Type parse_type(std::string_view text) {
  static const std::unordered_map<std::string_view, Type> types = {
      {"pred", Type::pred}, {"b8", Type::u8},        {"u8", Type::u8},   {"s8", Type::s8},   {"b16", Type::u16},
      {"u16", Type::u16},   {"s16", Type::s16},      {"b32", Type::u32}, {"u32", Type::u32}, {"s32", Type::s32},
      {"b64", Type::u64},   {"u64", Type::u64},      {"s64", Type::s64}, {"f32", Type::f32}, {"f64", Type::f64},
      {"bf16", Type::bf16}, {"bf16x2", Type::bf16x2}};
  const auto found = types.find(text);
  return found == types.end() ? Type::none : found->second;
}

Module Module::parse(const std::string& text) {
  return Parser().parse(text);
}

Module Module::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Fault("cannot open " + path);
  std::stringstream text;
  text << file.rdbuf();
  return parse(text.str());
}

const Kernel& Module::kernel(const std::string& name) const {
  const auto found = kernels_.find(name);
  if (found == kernels_.end()) throw Fault("no kernel " + name + " in this PTX");
  return found->second;
}

Module Parser::parse(const std::string& text) {
  const std::vector<Statement> statements = split_statements(text);
  // First, since dynamic shared memory begins behind all static variables and these may stand in any kernel's body.
  for (const Statement& statement : statements)
    if (is_shared_variable(statement)) shared_variable(statement);
  module_.static_shared_bytes_ = align_up(module_.static_shared_bytes_, kSharedAlign);
  for (const Statement& statement : statements) {
    if (statement.text == "{") {
      scopes_.emplace_back();
    } else if (statement.text == "}") {
      scopes_.pop_back();
      if (scopes_.empty()) end_kernel();
    } else if (contains(statement.text, ".entry")) {
      begin_kernel(statement);
    } else if (kernel_) {
      body_statement(statement);
    } else if (!is_shared_variable(statement)) {
      reject(statement, "unsupported directive");
    }
  }
  return std::move(module_);
}

// [.extern] .shared .align 16 .b8 name[bytes]
void Parser::shared_variable(const Statement& statement) {
  const std::string declarator = statement.text.substr(statement.text.rfind(' ') + 1);
  const std::string name = declarator.substr(0, declarator.find('['));
  if (contains(statement.text, ".extern")) {
    dynamic_shared_ = name;
    return;
  }
  module_.static_shared_bytes_ = align_up(module_.static_shared_bytes_, kSharedAlign);
  shared_[name] = module_.static_shared_bytes_;
  Type type = Type::none;
  for (const std::string& word : split_list(statement.text, ' '))
    if (word[0] == '.' && type == Type::none) type = parse_type(std::string_view(word).substr(1));
  module_.static_shared_bytes_ += size_of(type) * array_count(declarator);
}

// .visible .entry name( .param .u64 p0, .param .align 8 .b8 p1[40] ) .maxntid 128 ...
void Parser::begin_kernel(const Statement& statement) {
  const std::string& text = statement.text;
  const size_t open = text.find('('), close = text.find(')', open);
  std::string name(trim(std::string_view(text).substr(text.find(".entry") + 6, open - text.find(".entry") - 6)));
  kernel_ = &module_.kernels_[name];
  kernel_->name = name;
  labels_.clear();
  branches_.clear();
  for (const std::string& param : split_list(std::string_view(text).substr(open + 1, close - open - 1), ',')) {
    std::istringstream words(param);
    std::string word, last;
    uint64_t align = 0;
    Type type = Type::none;
    bool pointer = false;  // .ptr: what follows describes the memory pointed to
    while (words >> word) {
      pointer = pointer || word == ".ptr";
      if (word == ".align" && !pointer) {
        words >> align;
      } else if (const Type one = parse_type(std::string_view(word).substr(1)); one != Type::none) {
        type = one;
      }
      last = word;
    }
    if (type == Type::none) reject(statement, "parameter without a type");
    if (align == 0) align = size_of(type);
    kernel_->param_bytes = align_up(kernel_->param_bytes, align);
    kernel_->params[last.substr(0, last.find('['))] = kernel_->param_bytes;
    kernel_->param_bytes += size_of(type) * array_count(last);
  }
}

// .reg .b32 %r<10>  or  .reg .b32 name, other
void Parser::declare_registers(const std::string& text) {
  for (const std::string& declared : split_list(std::string_view(text).substr(text.find(' ', 5) + 1), ',')) {
    const size_t angle = declared.find('<');
    if (angle == std::string::npos) {
      scopes_.back()[declared] = kernel_->registers++;
      continue;
    }
    const int count = std::stoi(declared.substr(angle + 1));
    for (int i = 0; i < count; ++i)
      scopes_.back()[declared.substr(0, angle) + std::to_string(i)] = kernel_->registers++;
  }
}

void Parser::body_statement(const Statement& statement) {
  const std::string& text = statement.text;
  if (text.compare(0, 5, ".reg ") == 0) {
    declare_registers(text);
  } else if (text.back() == ':') {
    labels_[text.substr(0, text.size() - 1)] = static_cast<int>(kernel_->code.size());
  } else if (text[0] != '.') {
    Instruction decoded = decode(*this, statement);
    kernel_->code.push_back(decoded);
  } else if (contains(text, ".local")) {
    reject(statement, "local memory");
  }
}

void Parser::end_kernel() {
  for (const auto& [index, label] : branches_) {
    const auto found = labels_.find(label);
    if (found == labels_.end()) throw Fault(kernel_->name + ": no label " + label);
    kernel_->code[index].target = found->second;
  }
  Instruction ret;
  ret.op = Opcode::ret;
  kernel_->code.push_back(ret);
  kernel_ = nullptr;
}

Operand Parser::address(const std::string& inside) const {
  const size_t plus = inside.find('+');
  Operand base = operand(std::string(trim(inside.substr(0, plus))));
  if (plus != std::string::npos) base.immediate += static_cast<uint64_t>(std::stoll(inside.substr(plus + 1)));
  return base;
}

Operand Parser::operand(const std::string& text) const {
  static constexpr std::array kSpecials = {"%tid.x",    "%tid.y",    "%tid.z",   "%ntid.x",  "%ntid.y",
                                           "%ntid.z",   "%ctaid.x",  "%ctaid.y", "%ctaid.z", "%nctaid.x",
                                           "%nctaid.y", "%nctaid.z", "%laneid"};
  if (text.empty()) throw Fault("empty operand in " + kernel_->name);
  if (text[0] == '[') return address(std::string(trim(text.substr(1, text.size() - 2))));
  if (text[0] == '!') {
    Operand inner = operand(text.substr(1));
    inner.negated = true;
    return inner;
  }
  Operand result;
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(text);
    if (found == scope->end()) continue;
    result.kind = Operand::Kind::reg;
    result.reg = found->second;
    return result;
  }
  for (size_t i = 0; i < kSpecials.size(); ++i)
    if (text == kSpecials[i]) {
      result.kind = Operand::Kind::special;
      result.reg = static_cast<int>(i);
      return result;
    }
  const bool hexadecimal_float =
      text.size() > 2 && text[0] == '0' && std::string("fFdD").find(text[1]) != std::string::npos;
  if (hexadecimal_float) {
    result.immediate = std::stoull(text.substr(2), nullptr, 16);
  } else if (text[0] == '-') {
    result.immediate = static_cast<uint64_t>(std::stoll(text, nullptr, 0));
  } else if (std::isdigit(static_cast<unsigned char>(text[0]))) {
    result.immediate = std::stoull(text, nullptr, 0);
  } else if (const auto param = kernel_->params.find(text); param != kernel_->params.end()) {
    result.immediate = param->second;
  } else if (const auto variable = shared_.find(text); variable != shared_.end()) {
    result.immediate = variable->second;
  } else if (text == dynamic_shared_) {
    result.immediate = module_.static_shared_bytes_;
  } else {
    throw Fault(kernel_->name + ": unknown operand " + text);
  }
  return result;
}

}  // namespace tern::ptx
