#include "engine/distributed/process_group.h"

#include <ATen/ops/tensor.h>

#include <torch/csrc/distributed/c10d/Work.hpp>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/distributed/c10d_store.h"
#include "engine/distributed/collective_backend.h"
#include "engine/distributed/peer_watch.h"

namespace tern {

namespace {

using WorkPtr = c10::intrusive_ptr<c10d::Work>;

// At the end rank 0 stays until the others have read the last of the store.
constexpr double kFarewell = 60;  // seconds

// Without the stack trace, and the place in LibTorch's source that gloo begins with.
std::string first_line(const std::exception& e) {
  const std::string what = e.what();
  const size_t begin = what.starts_with("[/") && what.find("] ") != std::string::npos ? what.find("] ") + 2 : 0;
  return what.substr(begin, what.find('\n') - begin);
}

}  // namespace

struct ProcessGroup::Connections {
  std::unique_ptr<SharedStore> store;
  c10::intrusive_ptr<c10d::Backend> cpu;
  c10::intrusive_ptr<c10d::Backend> gpu;  // null where the job's tensors are on the CPU
  std::unique_ptr<PeerWatch> watch;

  [[nodiscard]] c10d::Backend& of(const at::Tensor& tensor) const { return tensor.is_cuda() ? *gpu : *cpu; }
};

ProcessGroup::ProcessGroup() = default;

ProcessGroup::~ProcessGroup() = default;

ProcessGroup::ProcessGroup(const ProcessEnvironment& environment, at::Device device)
    : rank_(environment.rank),
      world_size_(environment.world_size),
      collective_timeout_(environment.collective_timeout) {
  if (is_alone()) return;
  connections_ = std::make_unique<Connections>();
  connections_->store = meet(environment);
  connections_->watch = std::make_unique<PeerWatch>(*connections_->store, rank_, world_size_);
  try {
    connections_->cpu = make_gloo(connections_->store->impl().store, environment);
    if (device.is_cuda()) connections_->gpu = make_nccl(connections_->store->impl().store, environment);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    fail("connecting to the other ranks", first_line(e));
  }
}

int ProcessGroup::run(const std::function<int()>& job) {
  if (is_alone()) return job();
  try {
    const int code = job();
    connections_->watch->leave("", kFarewell);
    return code;
  } catch (const Error& e) {
    connections_->cpu.reset();  // the others notice at once, not when they have waited long enough
    connections_->watch->leave(e.kind() == ErrorKind::distributed ? "" : e.what());
    throw;
  } catch (const std::exception& e) {
    connections_->cpu.reset();
    connections_->watch->leave(first_line(e));
    throw;
  }
}

void ProcessGroup::fail(const char* what, const std::string& reason) const {
  throw Error(ErrorKind::distributed,
              fmt::format("rank {} of {} failed in {}: {}", rank_, world_size_, what, connections_->watch->diagnose()),
              reason, "look at that rank's output; a run can be resumed from its last checkpoint");
}

namespace {

// Runs `call`, and later waits for what it began; on_error gets what either of them throws.
template <class Call, class OnError>
ProcessGroup::Pending begin(const Call& call, const OnError& on_error) {
  WorkPtr work;
  try {
    work = call();
  } catch (const std::exception& e) {
    on_error(first_line(e));
  }
  return ProcessGroup::Pending([work, on_error] {
    try {
      work->wait();
    } catch (const std::exception& e) {
      on_error(first_line(e));
    }
  });
}

}  // namespace

ProcessGroup::Pending ProcessGroup::all_reduce(const at::Tensor& tensor) {
  if (is_alone()) return Pending();
  return begin(
      [&] {
        std::vector<at::Tensor> tensors = {tensor};
        return connections_->of(tensor).allreduce(tensors);
      },
      [this](const std::string& reason) { fail("an all-reduce", reason); });
}

ProcessGroup::Pending ProcessGroup::reduce_scatter(const at::Tensor& whole, const at::Tensor& part) {
  if (is_alone()) {
    part.copy_(whole);
    return Pending();
  }
  return begin(
      [&] {
        at::Tensor input = whole, output = part;
        return connections_->of(whole)._reduce_scatter_base(output, input);
      },
      [this](const std::string& reason) { fail("a reduce-scatter", reason); });
}

ProcessGroup::Pending ProcessGroup::all_gather(const at::Tensor& part, const at::Tensor& whole) {
  if (is_alone()) {
    whole.copy_(part);
    return Pending();
  }
  return begin(
      [&] {
        at::Tensor input = part, output = whole;
        return connections_->of(whole)._allgather_base(output, input);
      },
      [this](const std::string& reason) { fail("an all-gather", reason); });
}

ProcessGroup::Pending ProcessGroup::broadcast(const at::Tensor& tensor) {
  if (is_alone()) return Pending();
  return begin(
      [&] {
        std::vector<at::Tensor> tensors = {tensor};
        return connections_->of(tensor).broadcast(tensors);
      },
      [this](const std::string& reason) { fail("a broadcast", reason); });
}

std::vector<double> ProcessGroup::sum(std::vector<double> numbers) {
  if (is_alone() || numbers.empty()) return numbers;
  const at::Tensor tensor = at::tensor(numbers, at::kDouble);
  all_reduce(tensor).wait();
  const double* sums = tensor.const_data_ptr<double>();
  return {sums, sums + numbers.size()};
}

int64_t ProcessGroup::largest(int64_t number) {
  if (is_alone()) return number;
  const at::Tensor tensor = at::tensor({number}, at::kLong);
  begin(
      [&] {
        std::vector<at::Tensor> tensors = {tensor};
        return connections_->cpu->allreduce(tensors, {.reduceOp = c10d::ReduceOp::MAX});
      },
      [this](const std::string& reason) { fail("agreeing on a number", reason); })
      .wait();
  return tensor.item<int64_t>();
}

void ProcessGroup::barrier() {
  (void)largest(0);
}

std::string ProcessGroup::broadcast_text(const std::string& text) {
  if (is_alone()) return text;
  const std::string key = fmt::format("text/{}", texts_++);
  try {
    if (leads()) connections_->store->set(key, text);
    if (auto found = connections_->store->await(key, collective_timeout_)) return *found;
  } catch (const std::exception& e) {
    fail("reading what rank 0 says", first_line(e));
  }
  fail("reading what rank 0 says", "nothing came");
}

void ProcessGroup::require_same(const std::string& text, const std::string& what) {
  const bool differs = broadcast_text(text) != text;
  const int64_t rank = largest(differs ? rank_ : -1);
  if (rank < 0) return;
  throw Error(ErrorKind::distributed, fmt::format("rank {} has another {} than rank 0", rank, what), "",
              "start every process with the same arguments");
}

std::unique_ptr<SharedStore> ProcessGroup::connect_to_store() const {
  TERN_CHECK(!is_alone(), "a process alone has no store");
  return connections_->store->clone();
}

}  // namespace tern
