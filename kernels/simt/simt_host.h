// The host side of simt.h: CUDA's qualifiers, built-in variables and intrinsics on top of the emulator.
//
// CUDA's fast intrinsics (__expf, __logf, ...) are not defined: glibc declares functions of these names. Kernels use
// the wrappers of tile_ops.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "kernels/simt/device_ops.h"
#include "kernels/simt/kernel_name.h"
#include "kernels/simt/runtime.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

#define threadIdx (::tern::simt::self->thread_index)
#define blockIdx (*::tern::simt::self->block_index)
#define blockDim (*::tern::simt::self->block_dim)
#define gridDim (*::tern::simt::self->grid_dim)

// Static shared memory comes from the block's arena and not from a static variable: only there AddressSanitizer has red
// zones and the race detector a range to watch.
#define SIMT_PARAM const
#define SIMT_SHARED(type, name)     \
  static const char name##_key = 0; \
  type& name = *static_cast<type*>(::tern::simt::static_shared(&name##_key, sizeof(type), alignof(type)))
#define SIMT_SHARED_ARRAY(type, name, n) \
  static const char name##_key = 0;      \
  type(&name)[n] = *static_cast<type(*)[n]>(::tern::simt::static_shared(&name##_key, sizeof(type[n]), alignof(type)))
#define SIMT_DYN_SHARED(name) unsigned char* name = static_cast<unsigned char*>(::tern::simt::dynamic_shared())
#define SIMT_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                                   \
  ((void)(stream), ::tern::simt::launch({#kernel, ::tern::simt::signature_of<(kernel)>()}, (kernel), (grid), (block), \
                                        (shared_bytes), __VA_ARGS__))

namespace tern::simt {

#if defined(__SANITIZE_ADDRESS__)
constexpr int kSharedRedzone = 128;
#else
constexpr int kSharedRedzone = 0;
#endif
template <class T>
void shared_redzone(T* begin) {
  if constexpr (kSharedRedzone > 0) poison(begin, kSharedRedzone);
}

template <class T>
void append_param(std::vector<std::byte>& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const size_t offset = (bytes.size() + alignof(T) - 1) / alignof(T) * alignof(T);
  bytes.resize(offset + sizeof(T));
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

template <class... Params, class... Args>
void launch(const KernelName& name, void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes,
            const Args&... args) {
  const std::tuple<Params...> params(static_cast<Params>(args)...);
  Launch record{text_of(name), reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, {}, {}};
  std::apply([&](const auto&... param) { (append_param(record.params, param), ...); }, params);
  record.body = [&] { std::apply(kernel, params); };
  dispatch(record);
}

template <class T>
T shuffle_any(unsigned mask, ShuffleMode mode, T value, int operand, int width, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  uint32_t words[sizeof(T) / 4];
  std::memcpy(words, &value, sizeof value);
  for (uint32_t& word : words) word = shuffle(mask, mode, word, operand, width, site);
  std::memcpy(&value, words, sizeof value);
  return value;
}

}  // namespace tern::simt

using std::max;
using std::min;

inline void __syncthreads(SIMT_SITE_PARAMS) {
  tern::simt::barrier(SIMT_SITE);
}
inline int __syncthreads_or(int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::barrier_reduce(tern::simt::BarrierReduce::any, predicate != 0, SIMT_SITE);
}
inline int __syncthreads_and(int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::barrier_reduce(tern::simt::BarrierReduce::all, predicate != 0, SIMT_SITE);
}
inline int __syncthreads_count(int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::barrier_reduce(tern::simt::BarrierReduce::count, predicate != 0, SIMT_SITE);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_SITE_PARAMS) {
  tern::simt::warp_sync(mask, SIMT_SITE);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::ballot(mask, predicate != 0, SIMT_SITE);
}
inline int __any_sync(unsigned mask, int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::ballot(mask, predicate != 0, SIMT_SITE) != 0;
}
inline int __all_sync(unsigned mask, int predicate, SIMT_SITE_PARAMS) {
  return tern::simt::ballot(mask, predicate == 0, SIMT_SITE) == 0;
}
template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, SIMT_SITE_PARAMS) {
  return tern::simt::shuffle_any(mask, tern::simt::ShuffleMode::index, value, lane, width, SIMT_SITE);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int delta, int width = 32, SIMT_SITE_PARAMS) {
  return tern::simt::shuffle_any(mask, tern::simt::ShuffleMode::up, value, delta, width, SIMT_SITE);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int delta, int width = 32, SIMT_SITE_PARAMS) {
  return tern::simt::shuffle_any(mask, tern::simt::ShuffleMode::down, value, delta, width, SIMT_SITE);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, SIMT_SITE_PARAMS) {
  return tern::simt::shuffle_any(mask, tern::simt::ShuffleMode::exclusive_or, value, lane_mask, width, SIMT_SITE);
}
template <class T>
T __ldg(const T* address) {
  return *address;
}
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}
inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
