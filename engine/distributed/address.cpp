#include "engine/distributed/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

namespace tern {

namespace {

using Clock = std::chrono::steady_clock;

struct Addresses {
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> first{nullptr, &::freeaddrinfo};
  std::string problem;
};

Addresses look_up(const std::string& host, int port, int kind) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = kind;
  addrinfo* found = nullptr;
  Addresses result;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) result.problem = ::gai_strerror(code);
  result.first.reset(found);
  return result;
}

class Socket {
 public:
  Socket(const addrinfo& address, int flags)
      : fd_(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | flags, address.ai_protocol)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// errno of a try to connect within the time, 0: connected.
int try_to_connect(const addrinfo& address, int milliseconds) {
  const Socket socket(address, SOCK_NONBLOCK);
  if (socket.fd() < 0) return errno;
  if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
  if (::poll(&waiting, 1, milliseconds) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

std::string lower_case_reason(int error) {
  std::string reason = std::strerror(error);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return reason;
}

}  // namespace

std::string wait_for_listener(const std::string& host, int port, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::string problem;
  do {
    const Addresses addresses = look_up(host, port, SOCK_STREAM);
    problem = addresses.problem;
    for (const addrinfo* address = addresses.first.get(); address != nullptr; address = address->ai_next) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      const int error = try_to_connect(*address, static_cast<int>(std::clamp<int64_t>(left, 1, 5000)));
      if (error == 0) return "";
      problem = lower_case_reason(error);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  } while (Clock::now() < end);
  return problem;
}

std::string own_address_towards(const std::string& host) {
  const Addresses addresses = look_up(host, 9, SOCK_DGRAM);  // connecting a datagram socket sends nothing
  for (const addrinfo* address = addresses.first.get(); address != nullptr; address = address->ai_next) {
    const Socket socket(*address, 0);
    if (socket.fd() < 0 || ::connect(socket.fd(), address->ai_addr, address->ai_addrlen) != 0) continue;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    std::array<char, NI_MAXHOST> text{};
    if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) ==
            0) {
      return text.data();
    }
  }
  return "";
}

std::string own_host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace tern
