#include "engine/train/stop_signal.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace tern {

namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "the handler may only touch lock-free atomics");
std::atomic<const char*> notice_text{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free, "the handler may only touch lock-free atomics");
std::atomic<bool> on_terminal{false};

void say(const char* text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Only async-signal-safe calls.
void on_signal(int signal) {
  const int saved_errno = errno;
  int none = 0;
  if (received.compare_exchange_strong(none, signal)) {
    if (const char* notice = notice_text.load(); notice != nullptr) {
      if (on_terminal.load()) say("\r\x1b[K");  // off the line of a progress bar
      say(notice);
      say("\n");
    }
  } else if (signal == SIGINT) {
    ::signal(SIGINT, SIG_DFL);
    ::raise(SIGINT);
  }
  errno = saved_errno;
}

}  // namespace

void install_stop_signals(const char* notice) {
  notice_text.store(notice);
  on_terminal.store(::isatty(STDERR_FILENO) == 1);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

int stop_signal() {
  return received.load();
}

void set_stop_signal(int signal) {
  received.store(signal);
}

}  // namespace tern
