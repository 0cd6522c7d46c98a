// attention.backend=auto: a small forward and backward pass by every backend, before any work, because the worst that
// an attention backend does is to claim that it works and then to die or to drift. A backend whose result differs from
// the math path's is out, as is one that fails; of the others the fastest is taken.
//
// Backends that come first in the list keep their place unless a later one is a tenth faster, so that two runs on one
// machine choose alike. The math path is the yardstick and takes no part in the race: it is there when nothing else
// passes. Where ATen is to be deterministic (at::globalContext()), cuDNN takes no part either.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "kernels/attention/attention.h"

namespace tern::kernels {

// Of one forward and backward pass.
struct AttentionPasses {
  at::Tensor out, d_qkv;
};

struct AttentionCandidate {
  std::string name;
  std::string why_not;                   // not empty: it can't run this at all
  std::function<AttentionPasses()> run;  // may throw; waits for the device
  std::function<void()> run_timed;       // the same passes, of a size whose time tells something
};

struct AttentionWinner {
  int index = -1;        // into the candidates; -1: none passed
  std::string findings;  // about each: "fused 0.31 ms; flash wrong by 0.2 of the largest value; cudnn failed: ..."
};

// The logic alone. tolerance: largest difference from `expected`, relative to the largest value of the tensor.
// seconds(run): how long it takes.
[[nodiscard]] AttentionWinner choose_attention_candidate(
    const AttentionPasses& expected, double tolerance, std::span<const AttentionCandidate> candidates,
    const std::function<double(const std::function<void()>&)>& seconds);

struct AttentionChoice {
  AttentionBackend backend;
  std::string reason;  // one line for the log
};

// Tries every backend on the device with these options (options.backend is not looked at): whether it is right at
// seq_len or 128 tokens, whichever is less, and on GPUs how fast at seq_len.
[[nodiscard]] AttentionChoice try_attention_backends(const AttentionOptions& options, int64_t seq_len,
                                                     at::ScalarType dtype, at::Device device);

// For a run that goes on: two backends that are right differ in the last bits, so the one it was begun with is kept,
// however fast, as long as it still passes the trial. If it doesn't, a new one is chosen, and the line says why.
[[nodiscard]] AttentionChoice keep_attention_backend(AttentionBackend before, const AttentionOptions& options,
                                                     int64_t seq_len, at::ScalarType dtype, at::Device device);

// What the person wrote for attention.backend (auto or a name) as a backend, with the line for the log. before: what a
// resumed run was begun with, which auto keeps; none: a new run. Throws tern::Error (usage) for a backend that this
// device doesn't have.
[[nodiscard]] AttentionChoice resolve_attention_backend(const std::string& name, const AttentionOptions& options,
                                                        int64_t seq_len, at::ScalarType dtype, at::Device device,
                                                        std::optional<AttentionBackend> before = std::nullopt);

}  // namespace tern::kernels
