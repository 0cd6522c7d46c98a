// The smallest TRM that has all parts; tests change what they are about.
#pragma once

#include <string>

#include "models/trm/config.h"

namespace tern::test {

inline trm::TrmConfig tiny_trm(const std::string& dtype, bool mlp_t) {
  trm::TrmConfig config;
  config.batch_size = 3;
  config.seq_len = 6;
  config.vocab_size = 7;
  config.num_puzzle_identifiers = 5;
  config.H_cycles = 2;
  config.L_cycles = 2;
  config.L_layers = 1;
  config.hidden_size = 16;
  config.num_heads = 2;
  config.expansion = 1;
  config.puzzle_emb_ndim = 16;
  config.puzzle_emb_len = 2;
  config.forward_dtype = dtype;
  config.mlp_t = mlp_t;
  config.halt_max_steps = 3;
  return config;
}

}  // namespace tern::test
