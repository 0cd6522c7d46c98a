#include "engine/distributed/launcher.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/distributed/child_process.h"
#include "engine/distributed/environment.h"

namespace tern {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDistributedFailure = 6;

bool is_stop(int code) {
  return code == 128 + SIGINT || code == 128 + SIGTERM;
}

// The rendezvous of a job of one machine is bound here and inherited by rank 0: no other process can take the port in
// between.
struct Listener {
  int fd = -1;
  int port = 0;
};

Listener listen_here(in_addr_t interface, int port) {
  Listener listener{.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int yes = 1;
  ::setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(interface);
  address.sin_port = ::htons(static_cast<uint16_t>(port));
  socklen_t size = sizeof address;
  if (::bind(listener.fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener.fd, SOMAXCONN) != 0 ||
      ::getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw Error(ErrorKind::distributed, std::string("can't listen: ") + std::strerror(errno),
                "port " + std::to_string(port), "choose another --master-port, or none for a free one");
  }
  listener.port = ::ntohs(address.sin_port);
  return listener;
}

int cores() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void write_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR && errno != EAGAIN) return;  // nobody reads any more
    if (count > 0) done += static_cast<size_t>(count);
  }
}

// Passes on what comes through a pipe, whole lines with a prefix.
class PrefixedOutput {
 public:
  PrefixedOutput(int from, int to, std::string prefix) : from_(from), to_(to), prefix_(std::move(prefix)) {}

  [[nodiscard]] int fd() const { return from_; }

  void pass_on() {
    std::array<char, 65536> buffer;
    ssize_t count = 0;
    while ((count = ::read(from_, buffer.data(), buffer.size())) > 0) {
      pending_.append(buffer.data(), static_cast<size_t>(count));
      for (size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1)) {
        write_all(to_, prefix_ + pending_.substr(0, end + 1));
      }
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) close();
  }

  void close() {
    if (!pending_.empty()) write_all(to_, prefix_ + pending_ + "\n");
    pending_.clear();
    if (from_ >= 0) ::close(from_);
    from_ = -1;
  }

 private:
  int from_;
  int to_;
  std::string prefix_;
  std::string pending_;
};

class Launch {
 public:
  explicit Launch(const LaunchOptions& options) : options_(options) {
    sigset_t handled;
    ::sigemptyset(&handled);
    for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&handled, signal);
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    signals_ = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    start_all();
  }

  int run() {
    while (running() > 0) wait_for_events();
    for (PrefixedOutput& output : outputs_) output.pass_on();
    for (PrefixedOutput& output : outputs_) output.close();
    return failure_ ? *failure_ : consequence_ ? *consequence_ : stop_.value_or(0);
  }

 private:
  struct Rank {
    int rank;
    pid_t pid;
    bool running = true;
  };

  void start_all() {
    Listener listener{.port = options_.master_port};
    if (options_.nodes == 1) {
      const bool local = options_.master_addr.empty();
      listener = listen_here(local ? INADDR_LOOPBACK : INADDR_ANY, options_.master_port);
    }
    try {
      for (int i = 0; i < options_.processes; ++i) start(i, listener);
    } catch (...) {
      signal_all(SIGKILL);
      throw;
    }
    if (listener.fd >= 0) ::close(listener.fd);
  }

  void start(int local_rank, const Listener& listener) {
    const int rank = options_.node_rank * options_.processes + local_rank;
    ChildOptions child{.command = options_.command, .environment = {}, .inherited_fd = {}, .capture = local_rank > 0};
    child.environment = {{"RANK", std::to_string(rank)},
                         {"WORLD_SIZE", std::to_string(options_.nodes * options_.processes)},
                         {"LOCAL_RANK", std::to_string(local_rank)},
                         {"LOCAL_WORLD_SIZE", std::to_string(options_.processes)},
                         {"MASTER_ADDR", options_.master_addr.empty() ? kLoopback : options_.master_addr},
                         {"MASTER_PORT", std::to_string(listener.port)}};
    if (std::getenv("OMP_NUM_THREADS") == nullptr) {
      child.environment["OMP_NUM_THREADS"] = std::to_string(std::max(1, cores() / options_.processes));
    }
    if (rank == 0 && listener.fd >= 0) {
      child.environment["TERN_LISTEN_FD"] = std::to_string(listener.fd);
      child.inherited_fd = listener.fd;
    }
    const ChildProcess process = start_child(child);
    ranks_.push_back({.rank = rank, .pid = process.pid});
    const std::string prefix = fmt::format("[rank {}] ", rank);
    if (process.out >= 0) outputs_.emplace_back(process.out, STDOUT_FILENO, prefix);
    if (process.err >= 0) outputs_.emplace_back(process.err, STDERR_FILENO, prefix);
  }

  [[nodiscard]] int64_t running() const { return std::ranges::count(ranks_, true, &Rank::running); }

  void signal_all(int signal) {
    for (const Rank& rank : ranks_) {
      if (rank.running) ::kill(signal == SIGKILL ? -rank.pid : rank.pid, signal);
    }
  }

  void wait_for_events() {
    std::vector<pollfd> waiting = {{.fd = signals_, .events = POLLIN, .revents = 0}};
    for (const PrefixedOutput& output : outputs_) {
      if (output.fd() >= 0) waiting.push_back({.fd = output.fd(), .events = POLLIN, .revents = 0});
    }
    ::poll(waiting.data(), waiting.size(), milliseconds_to_the_end());
    for (PrefixedOutput& output : outputs_) {
      if (output.fd() >= 0) output.pass_on();
    }
    handle_signals();
    if (end_of_grace_ && Clock::now() >= *end_of_grace_) {
      fmt::print(stderr, "tern_launch: {} ranks didn't end within {} s and are killed\n", running(), options_.grace);
      signal_all(SIGKILL);
      end_of_grace_ = Clock::now() + std::chrono::hours(1);
    }
  }

  [[nodiscard]] int milliseconds_to_the_end() const {
    if (!end_of_grace_) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*end_of_grace_ - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left + 1, 0, 60'000));
  }

  void handle_signals() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) {
        collect();
      } else {
        signal_all(static_cast<int>(info.ssi_signo));
      }
    }
  }

  void collect() {
    for (Rank& rank : ranks_) {
      int status = 0;
      if (!rank.running || ::waitpid(rank.pid, &status, WNOHANG) != rank.pid) continue;
      rank.running = false;
      const bool exited = WIFEXITED(status);
      const int code = exited ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (code == 0) continue;
      if (exited && is_stop(code)) {
        if (!stop_) stop_ = code;
        continue;
      }
      fmt::print(stderr, "tern_launch: rank {} {} {}\n", rank.rank,
                 exited ? "ended with exit code" : "was killed by signal", exited ? code : WTERMSIG(status));
      std::optional<int>& first = code == kDistributedFailure ? consequence_ : failure_;
      if (!first) first = code;
      if (!end_of_grace_) {
        end_of_grace_ =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.grace));
      }
    }
  }

  const LaunchOptions& options_;
  int signals_ = -1;
  std::vector<Rank> ranks_;
  std::vector<PrefixedOutput> outputs_;
  std::optional<int> failure_, consequence_, stop_;  // the first exit code of each kind
  std::optional<Clock::time_point> end_of_grace_;
};

}  // namespace

int launch(const LaunchOptions& options) {
  return Launch(options).run();
}

}  // namespace tern
