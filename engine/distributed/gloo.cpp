#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "engine/distributed/address.h"
#include "engine/distributed/collective_backend.h"

namespace tern {

namespace {

using c10d::ProcessGroupGloo;

// The interface that GLOO_SOCKET_IFNAME names, as in PyTorch; else the one that rank 0 is reached by.
std::shared_ptr<::gloo::transport::Device> make_device(const ProcessEnvironment& environment) {
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name != nullptr && *name != '\0') {
    return ProcessGroupGloo::createDeviceForInterface(name);
  }
  const std::string own = own_address_towards(environment.master_addr);
  return own.empty() ? ProcessGroupGloo::createDefaultDevice() : ProcessGroupGloo::createDeviceForHostname(own);
}

}  // namespace

c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                            const ProcessEnvironment& environment) {
  const auto limit = std::chrono::milliseconds(static_cast<int64_t>(environment.collective_timeout * 1000));
  const auto options = ProcessGroupGloo::Options::create(limit);
  options->devices.push_back(make_device(environment));
  return c10::make_intrusive<ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), environment.rank,
                                               environment.world_size, options);
}

}  // namespace tern
