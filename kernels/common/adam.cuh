// The CUDA pass over many parameters that AdamATan2 and AdamW share; contract and formulas are in adam.h, adam_atan2.h
// and adamw.h. float32 only.
//
// Memory bound: 28 bytes per element (p, m, v read and written, g read), 8 more with EMA and 2 with the shadow. A block
// takes one chunk of one tensor; which, it finds in a table that comes by value with the launch, so that a step over
// hundreds of tensors needs no copy to the device and few launches.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/common/adam_cuda.h"
#include "kernels/simt/simt.h"
#include "kernels/simt/tile_ops.h"

namespace tern::kernels {

constexpr int kAdamThreads = 256;
constexpr int kAdamChunk =
    8192;  // elements per block: 8 vector iterations, small enough to fill a GPU with 7 M weights
constexpr int kAdamMaxTensors = 48;
constexpr int kAdamMaxBlocks = 320;

struct AdamTable {
  AdamPointers tensors[kAdamMaxTensors];
  uint16_t chunk[kAdamMaxBlocks];  // of the tensor that block i works on
  uint8_t tensor[kAdamMaxBlocks];
};
// Kernel parameters are limited to 4 KiB.
static_assert(sizeof(AdamTable) + sizeof(AdamConstants) + 16 <= 4096);

// One element. fmaf is written out so that every compiler rounds alike; only rule.direction may differ.
template <class Rule>
__device__ __forceinline__ void adam_update(float& param, float grad, float& m, float& v, const AdamConstants& c,
                                            const Rule& rule) {
  m = fmaf(c.weight1, grad - m, m);
  v = fmaf(c.weight2, fmaf(grad, grad, -v), v);
  param = fmaf(-c.step_size, rule.direction(m, v), param * c.decay);
}

__device__ __forceinline__ float adam_ema(float ema, float param, const AdamConstants& c) {
  return fmaf(c.ema_weight, param - ema, ema);
}

template <class Rule>
__device__ __forceinline__ void adam_update_four(const AdamPointers& t, int64_t i, const AdamConstants& c,
                                                 const Rule& rule) {
  float4 param = *reinterpret_cast<const float4*>(t.param + i);
  float4 m = *reinterpret_cast<const float4*>(t.exp_avg + i);
  float4 v = *reinterpret_cast<const float4*>(t.exp_avg_sq + i);
  const float4 grad = *reinterpret_cast<const float4*>(t.grad + i);
  adam_update(param.x, grad.x, m.x, v.x, c, rule);
  adam_update(param.y, grad.y, m.y, v.y, c, rule);
  adam_update(param.z, grad.z, m.z, v.z, c, rule);
  adam_update(param.w, grad.w, m.w, v.w, c, rule);
  *reinterpret_cast<float4*>(t.param + i) = param;
  *reinterpret_cast<float4*>(t.exp_avg + i) = m;
  *reinterpret_cast<float4*>(t.exp_avg_sq + i) = v;
  if (t.ema) {
    const float4 ema = *reinterpret_cast<const float4*>(t.ema + i);
    *reinterpret_cast<float4*>(t.ema + i) = make_float4(adam_ema(ema.x, param.x, c), adam_ema(ema.y, param.y, c),
                                                        adam_ema(ema.z, param.z, c), adam_ema(ema.w, param.w, c));
  }
  if (t.shadow)
    *reinterpret_cast<uint2*>(t.shadow + i) = make_uint2(pack_bf16x2(param.x, param.y), pack_bf16x2(param.z, param.w));
}

template <class Rule>
__device__ __forceinline__ void adam_update_one(const AdamPointers& t, int64_t i, const AdamConstants& c,
                                                const Rule& rule) {
  float param = t.param[i], m = t.exp_avg[i], v = t.exp_avg_sq[i];
  adam_update(param, t.grad[i], m, v, c, rule);
  t.param[i] = param;
  t.exp_avg[i] = m;
  t.exp_avg_sq[i] = v;
  if (t.ema) t.ema[i] = adam_ema(t.ema[i], param, c);
  if (t.shadow) t.shadow[i] = to_bf16(param);
}

// All float pointers on 16 bytes and the shadow on 8, as moving four elements at once needs.
__device__ __forceinline__ bool adam_vectorisable(const AdamPointers& t) {
  const uintptr_t floats = reinterpret_cast<uintptr_t>(t.param) | reinterpret_cast<uintptr_t>(t.grad) |
                           reinterpret_cast<uintptr_t>(t.exp_avg) | reinterpret_cast<uintptr_t>(t.exp_avg_sq) |
                           reinterpret_cast<uintptr_t>(t.ema);
  return (floats % 16 | reinterpret_cast<uintptr_t>(t.shadow) % 8) == 0;
}

template <class Rule>
__global__ void __launch_bounds__(kAdamThreads)
    adam_kernel(SIMT_PARAM AdamTable table, SIMT_PARAM AdamConstants constants, SIMT_PARAM Rule rule) {
  const AdamPointers& t = table.tensors[table.tensor[blockIdx.x]];
  const int64_t begin = int64_t{table.chunk[blockIdx.x]} * kAdamChunk;
  const int64_t end = min(begin + kAdamChunk, t.size);
  const int thread = static_cast<int>(threadIdx.x);
  // A chunk's begin is a multiple of four, so alignment is the tensor's.
  const int64_t vector_end = adam_vectorisable(t) ? end - end % 4 : begin;
  for (int64_t i = begin + thread * 4; i < vector_end; i += kAdamThreads * 4) adam_update_four(t, i, constants, rule);
  for (int64_t i = vector_end + thread; i < end; i += kAdamThreads) adam_update_one(t, i, constants, rule);
}

// The part of `tensor` from element `begin` on.
inline AdamPointers adam_tail(const AdamPointers& tensor, int64_t begin) {
  return {tensor.param + begin,
          tensor.grad + begin,
          tensor.exp_avg + begin,
          tensor.exp_avg_sq + begin,
          tensor.ema ? tensor.ema + begin : nullptr,
          tensor.shadow ? tensor.shadow + begin : nullptr,
          tensor.size - begin};
}

// Steps all tensors, in as few launches as the table's size allows. Throws if a launch is refused.
template <class Rule>
void adam_launch(std::span<const AdamPointers> tensors, const AdamConstants& constants, const Rule& rule,
                 cudaStream_t stream) {
  AdamTable table{};
  int tensor_count = 0, block_count = 0;
  const auto flush = [&] {
    if (block_count > 0)
      SIMT_LAUNCH((adam_kernel<Rule>), dim3(static_cast<unsigned>(block_count)), dim3(kAdamThreads), 0, stream, table,
                  constants, rule);
    tensor_count = block_count = 0;
  };
  for (AdamPointers rest : tensors) {
    while (rest.size > 0) {
      if (tensor_count == kAdamMaxTensors || block_count == kAdamMaxBlocks) flush();
      const int64_t wanted = (rest.size + kAdamChunk - 1) / kAdamChunk;
      const int taken = static_cast<int>(wanted < kAdamMaxBlocks - block_count ? wanted : kAdamMaxBlocks - block_count);
      table.tensors[tensor_count] = rest;
      for (int chunk = 0; chunk < taken; ++chunk, ++block_count) {
        table.tensor[block_count] = static_cast<uint8_t>(tensor_count);
        table.chunk[block_count] = static_cast<uint16_t>(chunk);
      }
      ++tensor_count;
      const int64_t done = int64_t{taken} * kAdamChunk;
      rest = adam_tail(rest, done < rest.size ? done : rest.size);
    }
  }
  flush();
}

}  // namespace tern::kernels
