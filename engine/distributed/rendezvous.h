// Where the processes of a job meet: a key-value store that rank 0 hosts at MASTER_ADDR:MASTER_PORT.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/distributed/environment.h"

namespace tern {

// One connection to the store. Calls may come from any thread; they take turns, and none waits long. Any of them throws
// a std::exception when the host of the store is gone.
class SharedStore {
 public:
  struct Impl;  // engine/distributed/c10d_store.h
  explicit SharedStore(std::unique_ptr<Impl> impl);
  ~SharedStore();
  SharedStore(const SharedStore&) = delete;
  SharedStore& operator=(const SharedStore&) = delete;

  void set(const std::string& key, const std::string& value);
  [[nodiscard]] std::optional<std::string> find(const std::string& key);
  // Waits for a key. Nothing: it didn't come within so many seconds.
  [[nodiscard]] std::optional<std::string> await(const std::string& key, double seconds);
  // Adds to a number that begins at 0 and returns the sum. Such a key isn't for find or await.
  int64_t add(const std::string& key, int64_t number);

  // Another connection to the same store.
  [[nodiscard]] std::unique_ptr<SharedStore> clone() const;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Opens the store (rank 0) or connects to it, and waits until every rank of world_size > 1 is there. Throws
// Error(distributed), saying which rank waited where and for whom, when that takes longer than rendezvous_timeout, when
// the port is taken, when two processes claim one rank, or when they don't agree on the number of ranks.
[[nodiscard]] std::unique_ptr<SharedStore> meet(const ProcessEnvironment& environment);

// What a rank that has met the others is known by: "rank 1 (process 4711 on gpu03)".
[[nodiscard]] std::string rank_name(SharedStore& store, int rank);

}  // namespace tern
