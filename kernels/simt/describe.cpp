#include <cstring>

#include "kernels/simt/block.h"

namespace tern::simt::internal {

std::string describe(Site site) {
  if (!site.file) return "?";
  const char* slash = std::strrchr(site.file, '/');
  return std::string(slash ? slash + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string describe(const Fiber& fiber) {
  const uint3& block = *fiber.block_index;
  return "block (" + std::to_string(block.x) + "," + std::to_string(block.y) + "," + std::to_string(block.z) +
         ") thread " + std::to_string(fiber.index) + " (warp " + std::to_string(fiber.index / kWarpSize) + " lane " +
         std::to_string(fiber.lane) + ")";
}

const char* name_of(Collective kind) {
  switch (kind) {
    case Collective::syncwarp: return "__syncwarp";
    case Collective::shuffle: return "shuffle";
    case Collective::vote: return "vote";
    case Collective::ldmatrix: return "ldmatrix";
    case Collective::mma: return "mma";
  }
  return "?";
}

}  // namespace tern::simt::internal
