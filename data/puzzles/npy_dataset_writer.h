// Writes a dataset as a folder of npy files, byte for byte as upstream's builder does.
#pragma once

#include <filesystem>

#include "data/puzzles/arc_plan.h"
#include "data/puzzles/dataset_writer.h"

namespace tern::puzzles {

// folder must exist. All files are synced. Throws Error(data) naming the file when one can't be written.
void write_npy_dataset(const ArcPlan& plan, const std::filesystem::path& folder, const WriteOptions& options);

}  // namespace tern::puzzles
