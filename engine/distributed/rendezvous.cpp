#include "engine/distributed/rendezvous.h"

#include <unistd.h>

#include <c10/util/Logging.h>
#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "engine/distributed/address.h"
#include "engine/distributed/c10d_store.h"

namespace tern {

namespace {

using Clock = std::chrono::steady_clock;
using StorePtr = c10::intrusive_ptr<c10d::Store>;

constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr const char* kCheckAddress = "check MASTER_ADDR and MASTER_PORT, and that rank 0 runs";

double seconds_until(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

std::string first_line(const std::exception& e) {
  const std::string what = e.what();
  return what.substr(0, what.find('\n'));
}

std::string address_of(const ProcessEnvironment& environment) {
  return fmt::format("{}:{}", environment.master_addr, environment.master_port);
}

std::string self(const ProcessEnvironment& environment) {
  return fmt::format("rank {} of {}", environment.rank, environment.world_size);
}

StorePtr open_store(const ProcessEnvironment& environment) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(environment.master_port);
  options.isServer = true;
  options.waitWorkers = false;
  options.timeout = milliseconds(environment.rendezvous_timeout);
  options.masterListenFd = environment.listen_fd;
  try {
    return c10::make_intrusive<c10d::TCPStore>(kLoopback, options);
  } catch (const std::exception& e) {
    const bool taken = std::string(e.what()).find("EADDRINUSE") != std::string::npos;
    throw Error(ErrorKind::distributed, "rank 0 can't listen: " + (taken ? "the port is taken" : first_line(e)),
                "port " + std::to_string(environment.master_port), "choose another MASTER_PORT");
  }
}

StorePtr connect_to_store(const ProcessEnvironment& environment, Clock::time_point end) {
  const std::string problem = wait_for_listener(environment.master_addr, environment.master_port, seconds_until(end));
  if (!problem.empty()) {
    throw Error(ErrorKind::distributed,
                fmt::format("{} could not reach rank 0 within {} s: {}", self(environment),
                            environment.rendezvous_timeout, problem),
                address_of(environment), kCheckAddress);
  }
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(environment.master_port);
  options.waitWorkers = false;
  options.timeout = milliseconds(std::max(1.0, seconds_until(end)));
  // On a thread of its own: a listener that never answers would keep it for ever.
  auto promise = std::make_shared<std::promise<StorePtr>>();
  std::future<StorePtr> store = promise->get_future();
  std::thread([promise, host = environment.master_addr, options] {
    try {
      promise->set_value(c10::make_intrusive<c10d::TCPStore>(host, options));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  std::string reason = "it doesn't answer";
  try {
    if (store.wait_for(options.timeout) == std::future_status::ready) return store.get();
  } catch (const std::exception& e) {
    reason = first_line(e);
  }
  throw Error(ErrorKind::distributed, fmt::format("{} found something else than rank 0: {}", self(environment), reason),
              address_of(environment), kCheckAddress);
}

std::string join_key(int rank) {
  return "process/" + std::to_string(rank);
}

// Announces this process. The first of a rank is the only one.
void join(SharedStore& store, const ProcessEnvironment& environment) {
  if (store.add("claims/" + std::to_string(environment.rank), 1) > 1) {
    throw Error(ErrorKind::distributed, "another process is " + self(environment), address_of(environment),
                "give every process a RANK of its own, and every job a MASTER_PORT of its own");
  }
  store.set(join_key(environment.rank),
            fmt::format("{} process {} on {}", environment.world_size, ::getpid(), own_host_name()));
}

void wait_for_all(SharedStore& store, const ProcessEnvironment& environment, Clock::time_point end) {
  std::vector<int> missing;
  for (int rank = 0; rank < environment.world_size; ++rank) {
    const auto entry = store.await(join_key(rank), std::max(0.0, seconds_until(end)));
    if (!entry) {
      missing.push_back(rank);
      continue;
    }
    if (const int size = std::atoi(entry->c_str()); size != environment.world_size) {
      throw Error(ErrorKind::distributed,
                  fmt::format("rank {} was started as one of {} ranks, {} as one of {}", rank, size, self(environment),
                              environment.world_size),
                  address_of(environment), "start every process with the same WORLD_SIZE");
    }
  }
  if (missing.empty()) return;
  throw Error(ErrorKind::distributed,
              fmt::format("{} waited {} s for rank{} {}", self(environment), environment.rendezvous_timeout,
                          missing.size() > 1 ? "s" : "", fmt::join(missing, ", ")),
              address_of(environment), "look at their output; TERN_RENDEZVOUS_TIMEOUT is the limit in seconds");
}

}  // namespace

SharedStore::SharedStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SharedStore::~SharedStore() = default;

void SharedStore::set(const std::string& key, const std::string& value) {
  impl_->store->set(key, std::vector<uint8_t>(value.begin(), value.end()));
}

std::optional<std::string> SharedStore::find(const std::string& key) {
  if (!impl_->store->check({key})) return std::nullopt;
  return impl_->store->get_to_str(key);
}

// Polls: a wait() of the store would keep every other thread from using the connection.
std::optional<std::string> SharedStore::await(const std::string& key, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    if (auto value = find(key)) return value;
    if (Clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(kPollInterval);
  }
}

int64_t SharedStore::add(const std::string& key, int64_t number) {
  return impl_->store->add(key, number);
}

std::unique_ptr<SharedStore> SharedStore::clone() const {
  return std::make_unique<SharedStore>(std::make_unique<Impl>(impl_->store->clone()));
}

std::unique_ptr<SharedStore> meet(const ProcessEnvironment& environment) {
  // LibTorch logs a stack trace for every lost connection; here the one line of an error says it.
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = static_cast<int>(c10::GLOG_FATAL);
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(environment.rendezvous_timeout));
  auto store = std::make_unique<SharedStore>(std::make_unique<SharedStore::Impl>(
      environment.rank == 0 ? open_store(environment) : connect_to_store(environment, end)));
  try {
    join(*store, environment);
    wait_for_all(*store, environment, end);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(ErrorKind::distributed, self(environment) + " lost rank 0 while the ranks met: " + first_line(e),
                address_of(environment), "look at the output of rank 0");
  }
  return store;
}

std::string rank_name(SharedStore& store, int rank) {
  const std::string entry = store.find(join_key(rank)).value_or("");
  const size_t space = entry.find(' ');
  return fmt::format("rank {} ({})", rank, space == std::string::npos ? "never met" : entry.substr(space + 1));
}

}  // namespace tern
