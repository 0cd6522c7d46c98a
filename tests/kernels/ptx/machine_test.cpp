// Programs in PTX: what runs, and what the interpreter must refuse.
#include "tests/kernels/ptx/machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace tern::ptx {
namespace {

constexpr int kThreads = 64;

// Runs a body as one block of kThreads threads on y (writable) and x (read-only), kThreads words each, with %rd1 = &y,
// %rd2 = &x, %r1 = tid, %rd3 = &y[tid] and shared memory s. Returns y.
std::array<uint32_t, kThreads> run_body(const std::string& body, size_t dynamic_shared = 0) {
  const std::string text = R"(
.version 9.0
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 dynamic[];
.visible .entry k(
  .param .u64 k_param_0,
  .param .u64 .ptr .align 1 k_param_1
)
.maxntid 64, 1, 1
{
  .reg .pred %p<10>;
  .reg .b32 %r<60>;
  .reg .f32 %f<20>;
  .reg .b64 %rd<20>;
  // demoted variable
  .shared .align 16 .b8 s[1024];
  ld.param.u64 %rd1, [k_param_0];
  ld.param.u64 %rd2, [k_param_1];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd4, %r1, 4;
  add.s64 %rd3, %rd1, %rd4;
  shl.b32 %r2, %r1, 2;
  mov.u32 %r3, s;
  add.s32 %r4, %r3, %r2;
)" + body + "\n  ret;\n}\n";
  alignas(16) std::array<uint32_t, kThreads> y{}, x{};
  for (uint32_t i = 0; i < kThreads; ++i) x[i] = 100 + i;
  simt::register_global(y.data(), sizeof y, "y", true);
  simt::register_global(x.data(), sizeof x, "x", false);
  const Module module = Module::parse(text);
  const uint64_t params[2] = {reinterpret_cast<uint64_t>(y.data()), reinterpret_cast<uint64_t>(x.data())};
  simt::Launch launch{"k", nullptr, dim3(1), dim3(kThreads), dynamic_shared, std::vector<std::byte>(16), {}};
  std::memcpy(launch.params.data(), params, sizeof params);
  struct Unregister {
    const void *first, *second;
    ~Unregister() { simt::unregister_global(first), simt::unregister_global(second); }
  } unregister{y.data(), x.data()};
  run(module, module.kernel("k"), launch);
  return y;
}

void expect_fault(const std::string& body, const std::string& text) {
  try {
    run_body(body);
    ADD_FAILURE() << "no fault; expected: " << text;
  } catch (const Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find(text), std::string::npos) << fault.what();
  }
}

TEST(PtxMachine, SharedMemoryAndBarrier) {
  const auto y = run_body(R"(
  st.shared.u32 [%r4], %r1;
  bar.sync 0;
  xor.b32 %r5, %r1, 63;
  shl.b32 %r5, %r5, 2;
  add.s32 %r5, %r3, %r5;
  ld.shared.u32 %r6, [%r5];
  st.global.u32 [%rd3], %r6;)");
  for (uint32_t i = 0; i < kThreads; ++i) EXPECT_EQ(y[i], 63 - i);
}

TEST(PtxMachine, DynamicSharedMemoryLiesBehindStatic) {
  const auto y = run_body(R"(
  mov.u32 %r5, dynamic;
  st.global.u32 [%rd3], %r5;)",
                          16);
  EXPECT_EQ(y[0], 1024u);
}

TEST(PtxMachine, ScopedRegistersHideOuterOnes) {
  const auto y = run_body(R"(
  setp.lt.u32 %p1, %r1, 32;
  {
  .reg .pred %p1;
  setp.eq.u32 %p1, %r1, 0;
  bar.red.popc.u32 %r5, 0, %p1;
  }
  selp.b32 %r6, 10, 20, %p1;
  add.s32 %r6, %r6, %r5;
  st.global.u32 [%rd3], %r6;)");
  EXPECT_EQ(y[5], 11u);
  EXPECT_EQ(y[40], 21u);
}

TEST(PtxMachine, ShufflesAndVotes) {
  const auto y = run_body(R"(
  shfl.sync.bfly.b32 %r5|%p1, %r1, 1, 31, -1;
  shfl.sync.up.b32 %r6|%p2, %r1, 1, 0, -1;
  setp.eq.u32 %p3, %r1, 3;
  vote.sync.ballot.b32 %r7, %p3, -1;
  add.s32 %r8, %r5, %r7;
  @!%p2 add.s32 %r8, %r8, 1000;
  st.global.u32 [%rd3], %r8;)");
  EXPECT_EQ(y[0], 1 + 8 + 1000u);
  EXPECT_EQ(y[6], 7 + 8u);
  EXPECT_EQ(y[33], 32u);
}

// Half a warp in each branch, each with its own mask.
TEST(PtxMachine, DivergedLanesMeetByMask) {
  const auto y = run_body(R"(
  and.b32 %r5, %r1, 31;
  setp.lt.u32 %p1, %r5, 16;
  @%p1 bra $L_low;
  shfl.sync.bfly.b32 %r6, %r1, 4, 31, 0xffff0000;
  bra.uni $L_end;
$L_low:
  shfl.sync.bfly.b32 %r6, %r1, 8, 31, 0xffff;
$L_end:
  st.global.u32 [%rd3], %r6;)");
  EXPECT_EQ(y[0], 8u);
  EXPECT_EQ(y[16], 20u);
}

TEST(PtxMachine, AtomicsAddUpAndAsynchronousCopiesArrive) {
  const auto y = run_body(R"(
  red.global.add.u32 [%rd1], 2;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra $L_end;
  cp.async.ca.shared.global [%r3], [%rd2], 16, 8;
  cp.async.commit_group;
  cp.async.wait_group 0;
  ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r3];
  st.global.v2.u32 [%rd1+8], {%r6, %r7};
$L_end:)");
  EXPECT_EQ(y[0], 2u * kThreads);
  EXPECT_EQ(y[2], 101u);
  EXPECT_EQ(y[3], 0u);  // zero fill behind the valid bytes
}

TEST(PtxMachine, GenericAddressesReachSharedMemory) {
  const auto y = run_body(R"(
  cvt.u64.u32 %rd5, %r4;
  cvta.shared.u64 %rd6, %rd5;
  st.u32 [%rd6], %r1;
  ld.u32 %r5, [%rd6];
  st.u32 [%rd3], %r5;)");
  EXPECT_EQ(y[9], 9u);
}

TEST(PtxMachine, RefusesBadAccesses) {
  expect_fault("st.global.u32 [%rd3+4], %r1;", "global access outside every buffer");
  expect_fault("ld.global.u32 %r5, [%rd3+-300];", "global access outside every buffer");
  expect_fault("st.global.u32 [%rd2], %r1;", "write to read-only buffer x");
  expect_fault("st.global.u32 [%rd3+2], %r1;", "misaligned global access");
  expect_fault("st.shared.u32 [%r4+1024], %r1;", "shared access out of bounds");
  expect_fault("st.shared.v2.u32 [%r4+4], {%r1, %r1};", "misaligned shared access");
  expect_fault("ld.shared.u32 %r5, [%r4];", "read of uninitialised shared memory");
  expect_fault("ld.param.u64 %rd5, [k_param_1+8];", "parameter out of bounds");
  expect_fault("mov.u32 %r5, 0;\n div.u32 %r6, %r1, %r5;", "division by zero");
}

TEST(PtxMachine, RefusesBadSynchronisation) {
  // The barrier is missing: a later thread's word isn't there yet.
  expect_fault("st.shared.u32 [%r4], %r1;\n ld.shared.u32 %r5, [%r4+4];", "uninitialised shared memory");
  expect_fault(
      "setp.lt.u32 %p1, %r1, 32;\n @%p1 bra $L_a;\n bar.sync 0;\n bra.uni $L_end;\n$L_a:\n bar.sync 0;\n$L_end:",
      "divergent block barrier");
  expect_fault("setp.eq.u32 %p1, %r1, 3;\n @%p1 bra $L_end;\n shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;\n$L_end:",
               "shuffle from an inactive lane");
  expect_fault(
      "setp.eq.u32 %p1, %r1, 3;\n @%p1 bra $L_b;\n shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;\n bra.uni $L_end;\n"
      "$L_b:\n bar.sync 0;\n$L_end:",
      "deadlock");
  expect_fault("shfl.sync.bfly.b32 %r5, %r1, 1, 31, 0xffff;", "mask lacks the caller");
}

TEST(PtxMachine, RefusesBadCopiesAndTiles) {
  const std::string copy =
      "shl.b32 %r5, %r1, 4;\n add.s32 %r5, %r5, %r3;\n"
      " cp.async.cg.shared.global [%r5], [%rd2], 16;\n cp.async.commit_group;\n";
  expect_fault(copy + "ld.shared.u32 %r6, [%r5];", "copy in flight");
  expect_fault(copy + "cp.async.wait_group 1;\n ld.shared.u32 %r6, [%r5];", "copy in flight");
  expect_fault(copy, "exit with pending cp.async copies");
  expect_fault("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r5,%r6,%r7,%r8}, [%r3];", "uninitialised shared memory");
  expect_fault(
      "setp.eq.u32 %p1, %r1, 3;\n @%p1 ret;\n"
      " mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0,%f1,%f2,%f3}, {%r5,%r6,%r7,%r8}, {%r9,%r10}, "
      "{%f0,%f1,%f2,%f3};",
      "warp-wide operation with missing lanes");
}

TEST(PtxMachine, RefusesWhatItDoesNotKnow) {
  expect_fault("bar.sync 1, 32;", "barrier with a thread count");
  expect_fault("ld.local.u32 %r5, [%rd3];", "unsupported state space");
  expect_fault("atom.global.cas.b32 %r5, [%rd3], 0, 1;", "unsupported atomic");
  expect_fault("bra $L_nowhere;", "no label $L_nowhere");
  expect_fault("add.s32 %r5, %r1, %r99;", "unknown operand %r99");
  expect_fault("call (retval0), f, (param0);", "unsupported instruction");
}

TEST(PtxMachine, ChecksParameterBytesAgainstTheKernel) {
  const Module module = Module::parse(".visible .entry k(.param .u32 a, .param .align 8 .b8 b[12])\n{\nret;\n}\n");
  EXPECT_EQ(module.kernel("k").param_bytes, 20u);
  const simt::Launch launch{"k", nullptr, dim3(1), dim3(1), 0, std::vector<std::byte>(16), {}};
  EXPECT_THROW(run(module, module.kernel("k"), launch), Fault);
}

}  // namespace
}  // namespace tern::ptx
