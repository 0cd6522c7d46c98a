// Cases of an op for both element types, out of a list of shapes. Problem<T>(shape) holds inputs and knows how to run
// the kernel on them and what has to come out.
#pragma once

#include <string>
#include <vector>

#include "kernels/simt/tile_ops.h"
#include "tests/kernels/cuda_proof/proof.h"

namespace tern::kernels::test {

template <class Shape>
bool is_large(const Shape& shape) {
  if constexpr (requires { shape.large; }) return shape.large;
  return false;
}

// Problem<T> has run_forward(), run_backward() and expected(bool backward).
template <template <class> class Problem, class T, class Shape>
void add_forward_and_backward(std::vector<Case>& cases, const std::string& dtype, const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes) {
    cases.push_back({"forward_" + dtype + "_" + shape.name, [shape] { return Problem<T>(shape).run_forward(); },
                     [shape] { return Problem<T>(shape).expected(false); }, is_large(shape)});
    cases.push_back({"backward_" + dtype + "_" + shape.name, [shape] { return Problem<T>(shape).run_backward(); },
                     [shape] { return Problem<T>(shape).expected(true); }, is_large(shape)});
  }
}

template <template <class> class Problem, class Shape>
std::vector<Case> forward_and_backward_cases(const std::vector<Shape>& shapes) {
  std::vector<Case> cases;
  add_forward_and_backward<Problem, float>(cases, "float32", shapes);
  add_forward_and_backward<Problem, Bf16>(cases, "bfloat16", shapes);
  return cases;
}

// Problem<T> has run() and expected().
template <template <class> class Problem, class T, class Shape>
void add_single(std::vector<Case>& cases, const std::string& dtype, const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes)
    cases.push_back({dtype + "_" + shape.name, [shape] { return Problem<T>(shape).run(); },
                     [shape] { return Problem<T>(shape).expected(); }, is_large(shape)});
}

template <template <class> class Problem, class Shape>
std::vector<Case> single_cases(const std::vector<Shape>& shapes) {
  std::vector<Case> cases;
  add_single<Problem, float>(cases, "float32", shapes);
  add_single<Problem, Bf16>(cases, "bfloat16", shapes);
  return cases;
}

}  // namespace tern::kernels::test
