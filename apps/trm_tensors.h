// Between the loader's plain structs and the model's tensors.
#pragma once

#include <functional>
#include <string>

#include "data/puzzles/batch.h"
#include "data/puzzles/dataset.h"
#include "models/trm/act.h"

namespace tern {

// A copy of the batch as tensors on device.
[[nodiscard]] trm::PuzzleBatch to_tensors(const puzzles::Batch& batch, at::Device device);

// A model for the dataset that metadata describes: the configuration completed by its sizes.
[[nodiscard]] trm::TrmConfig complete_config(trm::TrmConfig config, int64_t batch_size,
                                             const puzzles::Metadata& metadata);

// Copies weights into the model. A puzzle embedding with another number of rows is replaced by its mean row, which is
// said to remark, as upstream does when a model moves to other puzzles. Throws Error(checkpoint) naming path for
// tensors that are missing, unknown, or of another shape (a dataset whose vocabulary or length doesn't fit); then the
// model is as before.
void load_model_weights(trm::Trm& model, const trm::NamedTensors& weights, const std::string& path,
                        const std::function<void(const std::string&)>& remark);

}  // namespace tern
