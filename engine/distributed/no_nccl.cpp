#include "base/error.h"
#include "engine/distributed/collective_backend.h"

namespace tern {

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>&, const ProcessEnvironment&) {
  throw Error(ErrorKind::distributed, "this build has no NCCL", "", "build the cuda preset to train on several GPUs");
}

}  // namespace tern
