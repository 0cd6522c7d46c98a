#include "kernels/simt/context.h"

#include <sys/mman.h>

#include <new>

namespace tern::simt::internal {

#if defined(__x86_64__) && !defined(TERN_SIMT_UCONTEXT)

extern "C" void tern_simt_switch(void** save, void* load);
asm(R"(
.text
.globl tern_simt_switch
.type tern_simt_switch,@function
tern_simt_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size tern_simt_switch,.-tern_simt_switch
)");

void make_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  constexpr int kSavedRegisters = 6;
  // The ABI wants rsp % 16 == 8 at a function's first instruction, as if it had been called.
  void** top = reinterpret_cast<void**>(stack + bytes) - 2;
  top[0] = reinterpret_cast<void*>(entry);
  top[1] = nullptr;  // where entry would return to
  context = top - kSavedRegisters;
}

void switch_context(Context& from, Context& to) {
  tern_simt_switch(&from, to);
}

#else

void make_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  getcontext(&context);
  context.uc_stack.ss_sp = stack;
  context.uc_stack.ss_size = bytes;
  context.uc_link = nullptr;
  makecontext(&context, entry, 0);
}

void switch_context(Context& from, Context& to) {
  swapcontext(&from, &to);
}

#endif

StackPool::~StackPool() {
  release();
}

void StackPool::release() {
  if (base_) munmap(base_, count_ * pitch());
  base_ = nullptr;
}

void StackPool::grow(size_t count) {
  if (count <= count_) return;
  release();
  void* mapping =
      mmap(nullptr, count * pitch(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<char*>(mapping);
  count_ = count;
  for (size_t i = 0; i < count; ++i) mprotect(base_ + i * pitch(), kGuardBytes, PROT_NONE);
}

}  // namespace tern::simt::internal
