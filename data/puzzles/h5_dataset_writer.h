// Writes a dataset as one HDF5 file, materialised or lazy; see h5_layout.h.
#pragma once

#include <filesystem>

#include "data/puzzles/arc_plan.h"
#include "data/puzzles/dataset_writer.h"

namespace tern::puzzles {

// Rows are made and deflated on all threads and written in order, so the same plan gives the same bytes. The file is
// synced. Throws Error(data) naming the file when it can't be written.
void write_h5_dataset(const ArcPlan& plan, const std::filesystem::path& file, const WriteOptions& options);

// Base grids and augmentations instead of rows.
void write_lazy_dataset(const ArcPlan& plan, const std::filesystem::path& file, const WriteOptions& options);

}  // namespace tern::puzzles
