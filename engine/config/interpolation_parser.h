// Takes a text with interpolations apart.
#pragma once

#include <string>
#include <vector>

namespace tern::config {

struct Piece;
using Pieces = std::vector<Piece>;

// An argument of a resolver.
struct Argument {
  Pieces pieces;
  bool quoted = false;  // then it stays text
};

// A stretch of literal text, a reference to a key, or a call of a resolver.
struct Piece {
  enum class Kind { literal, reference, call };
  Kind kind = Kind::literal;
  std::string text;                 // the literal; of a call: the resolver's name
  int dots = 0;                     // of a reference: leading dots; 0: from the top
  std::vector<Pieces> path;         // of a reference: its keys, each possibly interpolated itself
  std::vector<Argument> arguments;  // of a call
};

// Why a text can't be parsed; the caller knows the place.
struct MalformedInterpolation {
  std::string why;
};

// Throws MalformedInterpolation.
[[nodiscard]] Pieces parse_interpolations(const std::string& text);

}  // namespace tern::config
