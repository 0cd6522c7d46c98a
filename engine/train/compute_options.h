// Options that every program that trains has, in the same words, whatever its configuration is called.
#pragma once

#include <string>

#include "engine/config/schema.h"

namespace tern {

template <class C>
void add_device_option(config::Schema<C>& schema, std::string C::*device) {
  schema.option("device", device, "where to compute; auto: cuda where there is a GPU").one_of({"auto", "cpu", "cuda"});
}

template <class C>
void add_attention_options(config::Schema<C>& schema, std::string C::*backend, bool C::*deterministic) {
  schema
      .option(
          "attention.backend", backend,
          "what computes attention: this project's kernels, ATen's flash, cuDNN or plain products; auto: the fastest "
          "that a trial finds right")
      .one_of({"auto", "fused", "flash", "cudnn", "math"});
  schema.option("deterministic", deterministic,
                "on GPUs the same bits in every run; False lets cuDNN's attention take part, which is faster");
}

}  // namespace tern
