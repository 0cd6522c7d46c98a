// Layout of a dataset in one HDF5 file (format_version 1). Readable by any HDF5 1.10 program or h5py.
//
//   attribute format           "tern-puzzles" or "tern-puzzles-lazy"
//   attribute format_version   1
//   /identifiers.json          uint8 [bytes]     text, as in a folder dataset
//   /test_puzzles.json         uint8 [bytes]
//   /SPLIT/dataset.json        uint8 [bytes]
//   /SPLIT/SET/puzzle_identifiers, puzzle_indices, group_indices     int32, as in a folder dataset
//   materialised:
//     /SPLIT/SET/inputs, labels    uint8 [examples, seq_len]
//   lazy (see augmented_set.h):
//     /SPLIT/SET/pair_shapes       uint8 [pairs, 4]       rows and columns of input, then of output
//     /SPLIT/SET/cells             uint8 [cells]          all base grids, cell after cell: input, output, input, ...
//     /SPLIT/SET/group_pairs       int32 [groups + 1]
//     /SPLIT/SET/augmentations     uint8 [puzzles, 11]    transform, then the new colour of each colour
//     /SPLIT/SET/offsets           uint8 [examples, 2]    row, column
// Every array is chunked and deflated (HDF5's own deflate filter, nothing else).
#pragma once

#include <cstdint>

namespace tern::puzzles::h5_layout {

inline constexpr const char* kMaterialised = "tern-puzzles";
inline constexpr const char* kLazy = "tern-puzzles-lazy";
inline constexpr int64_t kVersion = 1;

// A random puzzle's rows lie in one or two chunks, which must be inflated to get at them: small enough for that, large
// enough for the 32 KiB window of deflate to find its repeats.
inline constexpr int64_t kRowsPerChunk = 32;
inline constexpr int64_t kBytesPerChunk = int64_t{1} << 18;  // of arrays that are read as a whole

}  // namespace tern::puzzles::h5_layout
