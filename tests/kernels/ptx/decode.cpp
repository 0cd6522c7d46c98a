// Mnemonics to Instruction. An unknown instruction or an unknown suffix that changes the meaning is a Fault, never a
// guess.
#include <algorithm>
#include <functional>
#include <unordered_map>

#include "tests/kernels/ptx/parser.h"

namespace tern::ptx {
namespace {

// "ld.global.v4.f32" split at dots.
struct Mnemonic {
  std::vector<std::string> parts;

  [[nodiscard]] bool has(std::string_view part) const {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  }
  [[nodiscard]] const std::string& name() const { return parts[0]; }
  [[nodiscard]] std::vector<Type> types() const {
    std::vector<Type> found;
    for (const std::string& part : parts)
      if (const Type type = parse_type(part); type != Type::none) found.push_back(type);
    return found;
  }
};

class Decoder {
 public:
  Decoder(Parser& parser, const Statement& statement) : parser_(parser), statement_(statement) {}
  Instruction run();

 private:
  using Handler = void (Decoder::*)();
  static const std::unordered_map<std::string, Handler>& handlers();
  static const std::unordered_map<std::string, Opcode>& plain_opcodes();

  [[noreturn]] void reject(const std::string& why) const {
    throw Fault("PTX line " + std::to_string(statement_.line) + ": " + why + ": " + statement_.text);
  }
  void result(const std::string& text) { add_operands(text, out_.result, out_.results, 4); }
  void source(const std::string& text) { add_operands(text, out_.source, out_.sources, 10); }
  void sources_from(size_t first) {
    for (size_t i = first; i < args_.size(); ++i) source(args_[i]);
  }
  void plain(Opcode op) {
    out_.op = op;
    result(args_.at(0));
    sources_from(1);
  }
  // Text may be one operand or a group in braces.
  void add_operands(const std::string& text, Operand* list, int8_t& count, int limit);
  void set_space() {
    out_.space = mnemonic_.has("shared") ? Space::shared : mnemonic_.has("global") ? Space::global : Space::generic;
    if (mnemonic_.has("local") || mnemonic_.has("const")) reject("unsupported state space");
  }

  void multiply();
  void multiply_add();
  void funnel_shift();
  void move();
  void convert();
  void compare();
  void branch();
  void load();
  void store();
  void barrier();
  void shuffle();
  void vote();
  void load_matrix();
  void matrix_multiply();
  void copy_async();
  void atomic();
  void fence() { out_.op = Opcode::fence; }
  void leave() { out_.op = Opcode::ret; }

  Parser& parser_;
  const Statement& statement_;
  Mnemonic mnemonic_;
  std::vector<std::string> args_;
  Instruction out_;
};

const std::unordered_map<std::string, Opcode>& Decoder::plain_opcodes() {
  static const std::unordered_map<std::string, Opcode> opcodes = {
      {"add", Opcode::add},     {"sub", Opcode::sub},           {"fma", Opcode::fma},   {"div", Opcode::div},
      {"rem", Opcode::rem},     {"min", Opcode::min},           {"max", Opcode::max},   {"neg", Opcode::neg},
      {"abs", Opcode::abs},     {"and", Opcode::bit_and},       {"or", Opcode::bit_or}, {"xor", Opcode::bit_xor},
      {"not", Opcode::bit_not}, {"shl", Opcode::shl},           {"shr", Opcode::shr},   {"selp", Opcode::selp},
      {"ex2", Opcode::ex2},     {"rcp", Opcode::rcp},           {"sqrt", Opcode::sqrt}, {"rsqrt", Opcode::rsqrt},
      {"lg2", Opcode::lg2},     {"copysign", Opcode::copysign}, {"bfi", Opcode::bfi},   {"bfe", Opcode::bfe},
      {"popc", Opcode::popc},   {"clz", Opcode::clz},           {"lop3", Opcode::lop3}, {"prmt", Opcode::prmt},
      {"cvta", Opcode::mov},  // addresses are host pointers or shared offsets in every state space
  };
  return opcodes;
}

const std::unordered_map<std::string, Decoder::Handler>& Decoder::handlers() {
  static const std::unordered_map<std::string, Handler> handlers = {
      {"mul", &Decoder::multiply},
      {"mad", &Decoder::multiply_add},
      {"shf", &Decoder::funnel_shift},
      {"mov", &Decoder::move},
      {"cvt", &Decoder::convert},
      {"setp", &Decoder::compare},
      {"bra", &Decoder::branch},
      {"ld", &Decoder::load},
      {"st", &Decoder::store},
      {"bar", &Decoder::barrier},
      {"barrier", &Decoder::barrier},
      {"shfl", &Decoder::shuffle},
      {"vote", &Decoder::vote},
      {"ldmatrix", &Decoder::load_matrix},
      {"mma", &Decoder::matrix_multiply},
      {"cp", &Decoder::copy_async},
      {"atom", &Decoder::atomic},
      {"red", &Decoder::atomic},
      {"membar", &Decoder::fence},
      {"fence", &Decoder::fence},
      {"ret", &Decoder::leave},
      {"exit", &Decoder::leave},
  };
  return handlers;
}

Instruction Decoder::run() {
  std::string text = statement_.text;
  out_.line = statement_.line;
  if (text[0] == '@') {
    const size_t end = text.find(' ');
    Operand guard = parser_.operand(text.substr(1, end - 1));
    out_.guard = guard.reg;
    out_.guard_negated = guard.negated;
    text = std::string(trim(std::string_view(text).substr(end)));
  }
  const size_t end = text.find(' ');
  mnemonic_.parts = split_list(std::string_view(text).substr(0, end), '.');
  if (end != std::string::npos) args_ = split_list(std::string_view(text).substr(end), ',');
  const std::vector<Type> types = mnemonic_.types();
  if (!types.empty()) out_.type = types.back();
  out_.ftz = mnemonic_.has("ftz");
  out_.saturate = mnemonic_.has("sat");
  out_.rounding = mnemonic_.has("rz")   ? Rounding::zero
                  : mnemonic_.has("rm") ? Rounding::down
                  : mnemonic_.has("rp") ? Rounding::up
                                        : Rounding::nearest;
  if (out_.saturate && out_.type != Type::f32) reject("unsupported saturation");
  if (const auto found = handlers().find(mnemonic_.name()); found != handlers().end()) {
    (this->*found->second)();
  } else if (const auto op = plain_opcodes().find(mnemonic_.name()); op != plain_opcodes().end()) {
    plain(op->second);
  } else {
    reject("unsupported instruction");
  }
  return out_;
}

void Decoder::add_operands(const std::string& text, Operand* list, int8_t& count, int limit) {
  const bool group = text[0] == '{';
  const auto parts = group ? split_list(std::string_view(text).substr(1, text.size() - 2), ',') : std::vector{text};
  for (const std::string& part : parts) {
    if (count == limit) reject("too many operands");
    list[count++] = parser_.operand(part);
  }
}

void Decoder::multiply() {
  plain(mnemonic_.has("hi") ? Opcode::mul_hi : mnemonic_.has("wide") ? Opcode::mul_wide : Opcode::mul);
}

void Decoder::multiply_add() {
  if (mnemonic_.has("hi")) reject("unsupported instruction");
  plain(mnemonic_.has("wide") ? Opcode::mad_wide : is_float(out_.type) ? Opcode::fma : Opcode::mad);
}

void Decoder::funnel_shift() {
  out_.variant = mnemonic_.has("wrap") ? Variant::wrap : Variant::clamp;
  plain(mnemonic_.has("l") ? Opcode::shf_l : Opcode::shf_r);
}

void Decoder::move() {
  const bool unpack = args_.at(0)[0] == '{', pack = args_.at(1)[0] == '{';
  plain(unpack ? Opcode::mov_unpack : pack ? Opcode::mov_pack : Opcode::mov);
}

void Decoder::convert() {
  const std::vector<Type> types = mnemonic_.types();
  if (types.size() != 2) reject("unsupported conversion");
  out_.type = types[0];
  out_.source_type = types[1];
  out_.variant = mnemonic_.has("rzi")   ? Variant::round_zero
                 : mnemonic_.has("rni") ? Variant::round_nearest
                 : mnemonic_.has("rmi") ? Variant::round_down
                 : mnemonic_.has("rpi") ? Variant::round_up
                                        : Variant::none;
  if (out_.rounding != Rounding::nearest || mnemonic_.has("relu")) reject("unsupported conversion");
  if (out_.saturate && (out_.type != Type::f32 || out_.source_type != Type::f32)) reject("unsupported conversion");
  plain(Opcode::cvt);
}

void Decoder::compare() {
  static const std::unordered_map<std::string, Variant> comparisons = {
      {"eq", Variant::eq},   {"ne", Variant::ne},   {"lt", Variant::lt},   {"le", Variant::le},   {"gt", Variant::gt},
      {"ge", Variant::ge},   {"lo", Variant::lt},   {"ls", Variant::le},   {"hi", Variant::gt},   {"hs", Variant::ge},
      {"equ", Variant::equ}, {"neu", Variant::neu}, {"ltu", Variant::ltu}, {"leu", Variant::leu}, {"gtu", Variant::gtu},
      {"geu", Variant::geu}, {"num", Variant::num}, {"nan", Variant::nan}};
  out_.variant = comparisons.at(mnemonic_.parts.at(1));
  out_.combine = mnemonic_.has("and") ? Combine::with_and : mnemonic_.has("or") ? Combine::with_or : Combine::none;
  if (args_.at(0).find('|') != std::string::npos) reject("unsupported second result");
  plain(Opcode::setp);
}

void Decoder::branch() {
  out_.op = Opcode::bra;
  parser_.branch_to(args_.at(0));
}

void Decoder::load() {
  if (mnemonic_.has("param")) {
    out_.op = Opcode::ld_param;
  } else {
    out_.op = Opcode::ld;
    set_space();
  }
  result(args_.at(0));
  source(args_.at(1));
}

void Decoder::store() {
  out_.op = Opcode::st;
  set_space();
  source(args_.at(0));
  source(args_.at(1));
}

void Decoder::barrier() {
  if (mnemonic_.has("warp")) {
    out_.op = Opcode::bar_warp;
    source(args_.at(0));
  } else if (mnemonic_.has("red")) {
    out_.op = Opcode::bar_red;
    out_.variant = mnemonic_.has("popc") ? Variant::popc : mnemonic_.has("and") ? Variant::all : Variant::any;
    if (args_.size() != 3) reject("barrier with a thread count");
    result(args_[0]);
    source(args_[2]);
  } else if (mnemonic_.has("sync")) {
    out_.op = Opcode::bar_sync;
    if (args_.size() > 1) reject("barrier with a thread count");
  } else {
    reject("unsupported barrier");
  }
}

void Decoder::shuffle() {
  out_.op = Opcode::shfl;
  out_.variant = mnemonic_.has("bfly")   ? Variant::bfly
                 : mnemonic_.has("down") ? Variant::down
                 : mnemonic_.has("up")   ? Variant::up
                                         : Variant::index;
  for (const std::string& part : split_list(args_.at(0), '|')) result(part);  // value | in-range predicate
  sources_from(1);
}

void Decoder::vote() {
  out_.op = Opcode::vote;
  if (mnemonic_.has("uni")) reject("unsupported vote");
  out_.variant = mnemonic_.has("ballot") ? Variant::ballot : mnemonic_.has("all") ? Variant::all : Variant::any;
  result(args_.at(0));
  sources_from(1);
}

void Decoder::load_matrix() {
  out_.op = Opcode::ldmatrix;
  out_.variant = mnemonic_.has("trans") ? Variant::transposed : Variant::none;
  result(args_.at(0));
  source(args_.at(1));
}

void Decoder::matrix_multiply() {
  if (statement_.text.find("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32") == std::string::npos)
    reject("unsupported mma");
  out_.op = Opcode::mma;
  result(args_.at(0));
  sources_from(1);
}

void Decoder::copy_async() {
  if (mnemonic_.has("commit_group")) {
    out_.op = Opcode::cp_commit;
  } else if (mnemonic_.has("wait_group")) {
    out_.op = Opcode::cp_wait;
    sources_from(0);
  } else if (mnemonic_.has("async") && mnemonic_.has("shared") && mnemonic_.has("global") && !mnemonic_.has("bulk")) {
    out_.op = Opcode::cp_async;
    sources_from(0);
  } else {
    reject("unsupported copy");
  }
}

void Decoder::atomic() {
  out_.op = Opcode::atomic;
  set_space();
  if (mnemonic_.has("cas") || mnemonic_.parts.back().substr(0, 1) == "v") reject("unsupported atomic");
  if (mnemonic_.has("add")) {
    out_.variant = Variant::add;
  } else if (mnemonic_.has("max")) {
    out_.variant = Variant::max;
  } else if (mnemonic_.has("exch")) {
    out_.variant = Variant::exch;
  } else {
    reject("unsupported atomic");
  }
  const bool returns = mnemonic_.name() == "atom";
  if (returns) result(args_.at(0));
  sources_from(returns ? 1 : 0);
}

}  // namespace

Instruction decode(Parser& parser, const Statement& statement) {
  return Decoder(parser, statement).run();
}

}  // namespace tern::ptx
