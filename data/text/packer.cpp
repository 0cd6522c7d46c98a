#include "data/text/packer.h"

#include "base/error.h"
#include "data/text/best_fit_packer.h"
#include "data/text/stream_packer.h"

namespace tern::text {

const char* packing_name(Packing packing) {
  return packing == Packing::best_fit ? "best_fit" : "stream";
}

Packing parse_packing(const std::string& name) {
  for (const Packing packing : {Packing::best_fit, Packing::stream}) {
    if (name == packing_name(packing)) return packing;
  }
  throw Error(ErrorKind::usage, "no packing is called '" + name + "'", "", "use best_fit or stream");
}

std::unique_ptr<Packer> make_packer(Packing packing, int64_t buffer_size) {
  if (packing == Packing::stream) return std::make_unique<StreamPacker>();
  return std::make_unique<BestFitPacker>(buffer_size);
}

}  // namespace tern::text
