// Interpolations of OmegaConf: ${a.b}, ${.sibling}, ${..up}, ${list[0]}, ${oc.env:NAME,default}, nested ones, and
// \${ for a literal ${.
//
// Resolvers: oc.env:NAME[,default]  an environment variable, always text
//            oc.select:KEY[,default]  a key that may be missing
//            oc.decode:TEXT  a value in the override grammar, e.g. ${oc.decode:${oc.env:SEED,0}} for a number
//            now:FORMAT  the time at which the program began, e.g. ${now:%Y-%m-%d}
//            hydra:job.num, hydra:job.override_dirname, hydra:job.name, hydra:job.config_name,
//            hydra:runtime.choices.GROUP
#pragma once

#include <ctime>
#include <map>
#include <string>

#include "engine/config/node.h"

namespace tern::config {

struct ResolveContext {
  std::map<std::string, std::string> hydra;  // "job.num" -> "0"
  std::time_t now = 0;
};

// A copy of the configuration without interpolations. Throws Error(usage), naming key and place, on unknown keys,
// environment variables that aren't set, cycles and malformed interpolations.
[[nodiscard]] Node resolve(const Node& root, const ResolveContext& context = {});

}  // namespace tern::config
