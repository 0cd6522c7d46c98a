#include "apps/gpt_tensors.h"

#include <set>

#include "base/error.h"
#include "engine/optim/optimizer.h"

namespace tern {

void load_gpt_weights(const gpt::Gpt& model, const TensorList& weights, const std::string& source) {
  std::set<std::string> known;
  for (const auto& [name, tensor] : model.parameters()) known.insert(name);
  for (const auto& [name, tensor] : weights) {
    if (known.contains(name)) continue;
    throw Error(ErrorKind::checkpoint, "tensor " + name + " is not part of the model", source,
                "use the configuration that the checkpoint was made with");
  }
  copy_by_name(weights, model.parameters(), source);
}

}  // namespace tern
