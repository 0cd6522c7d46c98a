// Switching between stacks. On x86-64 a dozen instructions: swapcontext of glibc saves the signal mask with a system
// call at every switch, which makes a kernel run six times slower. Elsewhere ucontext.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) || defined(TERN_SIMT_UCONTEXT)
#include <ucontext.h>
#endif

namespace tern::simt::internal {

#if defined(__x86_64__) && !defined(TERN_SIMT_UCONTEXT)
using Context = void*;  // the saved stack pointer; callee-saved registers lie on the stack
#else
using Context = ucontext_t;
#endif

// Prepares `context` to run entry on the given stack. entry must not return.
void make_context(Context& context, char* stack, size_t bytes, void (*entry)());
// Saves the running context in `from` and continues `to`.
void switch_context(Context& from, Context& to);

// Stacks of equal size in one mapping, each above a guard page: an overflow is a SIGSEGV, not silent corruption.
class StackPool {
 public:
  explicit StackPool(size_t stack_bytes) : stack_bytes_(stack_bytes) {}
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  void grow(size_t count);  // invalidates earlier stacks when it has to enlarge
  [[nodiscard]] char* stack(size_t index) const { return base_ + index * pitch() + kGuardBytes; }
  [[nodiscard]] size_t stack_bytes() const { return stack_bytes_; }

 private:
  static constexpr size_t kGuardBytes = 4096;
  [[nodiscard]] size_t pitch() const { return stack_bytes_ + kGuardBytes; }
  void release();

  size_t stack_bytes_;
  size_t count_ = 0;
  char* base_ = nullptr;
};

}  // namespace tern::simt::internal
