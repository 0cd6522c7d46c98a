// TCP addresses by hand, where LibTorch's sockets would log or say too little.
#pragma once

#include <string>

namespace tern {

// Tries to connect until it succeeds. Empty: something listens there; else why the last try failed when the time was
// up: "connection refused".
[[nodiscard]] std::string wait_for_listener(const std::string& host, int port, double seconds);

// This machine's address as host would see it: that of the interface which packets to host leave by. Empty when host
// has no address or no route leads there.
[[nodiscard]] std::string own_address_towards(const std::string& host);

[[nodiscard]] std::string own_host_name();

}  // namespace tern
