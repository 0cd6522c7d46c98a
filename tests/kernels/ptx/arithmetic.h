// The value-to-value instructions of PTX as one pure function.
#pragma once

#include "tests/kernels/ptx/instruction.h"

namespace tern::ptx {

// Result of an instruction from its source values; registers hold a value in their low bits, zero-extended.
// Approximate instructions (ex2.approx, div.full, ...) give the correctly rounded result: the device may be off by its
// documented error. Throws std::domain_error for an integer division by zero.
uint64_t evaluate(const Instruction& instruction, const uint64_t* sources);

// The low size_of(type) bytes, sign-extended for signed types.
uint64_t extend(Type type, uint64_t value);
// The low size_of(type) bytes, zero-extended: how registers hold values.
uint64_t truncate(Type type, uint64_t value);

float as_f32(uint64_t bits);
uint64_t bits_of(float value);

}  // namespace tern::ptx
