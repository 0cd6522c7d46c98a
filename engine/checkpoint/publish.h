// The instant at which a written folder becomes a checkpoint.
#pragma once

#include <filesystem>

namespace tern {

// Gives the complete, fsynced folder `fresh` the name `folder`, durably. What had that name before is replaced in one
// system call where the file system can do that (and removed), by replace_by_two_renames elsewhere. When this throws,
// folder is what it was, or, if only the last fsync failed, the new one.
void publish(const std::filesystem::path& fresh, const std::filesystem::path& folder);

// Renames folder to folder.replaced, then fresh to folder. A process killed between the two leaves only
// folder.replaced, which repair_run_folder brings back.
void replace_by_two_renames(const std::filesystem::path& fresh, const std::filesystem::path& folder);

}  // namespace tern
