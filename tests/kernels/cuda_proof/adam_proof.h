// Cases that AdamATan2 and AdamW share: only the rule and its float64 twin differ.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/common/adam.cuh"
#include "tests/kernels/cuda_proof/proof.h"
#include "tests/kernels/support/data.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {

struct AdamShape {
  size_t size;
  size_t shift = 0;  // elements by which the buffers miss 16-byte alignment
  bool ema = true, shadow = true;
};

// Direction of the step from the new moments, in float64.
using Direction = std::function<double(double m, double v)>;

class AdamProof {
 public:
  using Launch = std::function<void(std::span<const AdamPointers>, const AdamConstants&)>;

  AdamProof(std::vector<AdamShape> shapes, Launch launch, Direction direction, Tolerance engines_param)
      : shapes_(std::move(shapes)),
        launch_(std::move(launch)),
        direction_(std::move(direction)),
        engines_param_(engines_param) {}

  [[nodiscard]] std::vector<Output> run() const;
  [[nodiscard]] std::vector<Expected> expected() const;

 private:
  struct Inputs {
    std::vector<float> param, grad, m, v, ema;
  };
  [[nodiscard]] Inputs inputs(size_t tensor) const;

  // Constants of step 3 with TRM's betas, a learning rate that shows, and float32 like the kernel's.
  static constexpr AdamConstants kConstants{1 - 1e-2f * 0.1f, 0.1f, 0.05f, 1e-2f / 0.271f, 1e-3f};

  std::vector<AdamShape> shapes_;
  Launch launch_;
  Direction direction_;
  Tolerance engines_param_;
};

// Sizes around the vector width, the block and the chunk; views that miss alignment; EMA and shadow on and off; more
// tensors and (large) more chunks than one launch takes.
std::vector<Case> adam_cases(const AdamProof::Launch& launch, const Direction& direction, Tolerance engines_param);

}  // namespace tern::kernels::test
