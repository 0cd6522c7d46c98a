// The only file with inline PTX. Each operation has two bodies: PTX for nvcc, a call of the emulator or plain
// arithmetic for the host. Names and operand order follow the PTX manual.
#pragma once

#include "kernels/simt/simt.h"

#if defined(__CUDACC__)
#define SIMT_SITE_TAIL
#else
#define SIMT_SITE_TAIL , SIMT_SITE_PARAMS
#endif

namespace tern::kernels {

// bfloat16 as storage; arithmetic is in float32.
struct Bf16 {
  uint16_t bits;
};

__device__ __forceinline__ float to_float(Bf16 value) {
  return __uint_as_float(uint32_t{value.bits} << 16);
}
__device__ __forceinline__ float to_float(float value) {
  return value;
}
// The two halves of a packed pair: element 0 in the low bits.
__device__ __forceinline__ float low_float(uint32_t pair) {
  return __uint_as_float(pair << 16);
}
__device__ __forceinline__ float high_float(uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

#if !defined(__CUDACC__)
// Round to nearest even; a NaN becomes 0x7fff as cvt.rn.bf16.f32 makes it.
inline uint16_t round_to_bf16_bits(float value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#endif

__device__ __forceinline__ Bf16 to_bf16(float value) {
#if defined(__CUDACC__)
  Bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
#else
  return {round_to_bf16_bits(value)};
#endif
}

// Stores `value` in either type.
__device__ __forceinline__ void round_to(float& to, float value) {
  to = value;
}
__device__ __forceinline__ void round_to(Bf16& to, float value) {
  to = to_bf16(value);
}

__device__ __forceinline__ uint32_t pack_bf16x2(float low, float high) {
#if defined(__CUDACC__)
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));  // PTX names the upper half first
  return pair;
#else
  return round_to_bf16_bits(low) | (uint32_t{round_to_bf16_bits(high)} << 16);
#endif
}

// 2^x: 2 ulp and flushes subnormals on the device, correctly rounded here.
__device__ __forceinline__ float fast_exp2(float x) {
#if defined(__CUDACC__)
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#else
  return std::exp2(x);
#endif
}

// 1 / x: 1 ulp and flushes subnormals on the device, correctly rounded here.
__device__ __forceinline__ float fast_rcp(float x) {
#if defined(__CUDACC__)
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#else
  return 1.0f / x;
#endif
}

// Asynchronous copy of 16 bytes from global to shared memory; both addresses 16-byte aligned. Without `valid` it writes
// zeros and doesn't read the source.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool valid SIMT_SITE_TAIL) {
#if defined(__CUDACC__)
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(valid ? 16 : 0)
               : "memory");
#else
  simt::async_copy(shared, global, 16, valid ? 16 : 0, SIMT_SITE);
#endif
}

__device__ __forceinline__ void cp_async_commit() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  simt::async_commit();
#endif
}

// Waits until at most `pending` of this thread's groups are unfinished. Other threads see the data after a barrier.
template <int pending>
__device__ __forceinline__ void cp_async_wait() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#else
  simt::async_wait(pending);
#endif
}

// Four 8x8 matrices of 16-bit elements: lane l supplies the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row SIMT_SITE_TAIL) {
#if defined(__CUDACC__)
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
#else
  simt::ldmatrix(4, false, r, row, SIMT_SITE);
#endif
}

__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row SIMT_SITE_TAIL) {
#if defined(__CUDACC__)
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
#else
  simt::ldmatrix(4, true, r, row, SIMT_SITE);
#endif
}

// d (16x8, float32) += a (16x16, bf16, row-major fragment) * b (16x8, bf16, column-major fragment).
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1 SIMT_SITE_TAIL) {
#if defined(__CUDACC__)
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const uint32_t b[2] = {b0, b1};
  simt::mma_m16n8k16(d, a, b, SIMT_SITE);
#endif
}

}  // namespace tern::kernels
