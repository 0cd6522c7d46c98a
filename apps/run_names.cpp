#include "apps/run_names.h"

#include <unistd.h>

#include <array>
#include <cctype>
#include <chrono>

namespace tern {

namespace {

constexpr std::array kAdjectives = {
    "amber",    "ancient", "autumn", "bold",   "brave",  "bright",  "calm",   "careful",  "clever", "crimson",
    "curious",  "daring",  "dawn",   "deep",   "eager",  "early",   "fair",   "fearless", "gentle", "glad",
    "golden",   "happy",   "hidden", "honest", "humble", "icy",     "indigo", "jolly",    "keen",   "kind",
    "lively",   "lucky",   "lunar",  "mellow", "merry",  "mighty",  "misty",  "modest",   "nimble", "noble",
    "northern", "patient", "polite", "proud",  "quick",  "quiet",   "rapid",  "ripe",     "royal",  "rustic",
    "silent",   "silver",  "smooth", "solar",  "steady", "stellar", "sunny",  "swift",    "tidy",   "vivid",
    "warm",     "wild",    "winter", "wise"};

constexpr std::array kNouns = {
    "albatross", "badger", "beetle", "bison",   "bobcat", "condor", "crane",  "curlew", "dolphin", "eagle",  "egret",
    "falcon",    "ferret", "finch",  "fox",     "gannet", "gecko",  "gull",   "hare",   "heron",   "hornet", "ibex",
    "ibis",      "jackal", "jay",    "kestrel", "kite",   "kiwi",   "lark",   "lemur",  "linnet",  "lynx",   "magpie",
    "marten",    "merlin", "mole",   "moth",    "newt",   "ocelot", "osprey", "otter",  "owl",     "panda",  "petrel",
    "plover",    "puffin", "quail",  "raven",   "robin",  "salmon", "seal",   "shrew",  "sparrow", "squid",  "stork",
    "swallow",   "swan",   "tapir",  "tern",    "trout",  "turtle", "walrus", "wombat", "wren"};

// Neighbouring seeds must not give neighbouring words (the finaliser of SplitMix64).
uint64_t scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::string default_project_name(const std::string& data_path) {
  std::string path = data_path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::string name = path.substr(path.rfind('/') + 1);
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    name[i] = static_cast<char>(i == 0 ? std::toupper(c) : std::tolower(c));
  }
  return name + "-ACT-torch";
}

std::string two_words(uint64_t seed) {
  const uint64_t random = scramble(seed);
  return std::string(kAdjectives[random % kAdjectives.size()]) + "-" + kNouns[(random >> 32) % kNouns.size()];
}

uint64_t name_seed() {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return static_cast<uint64_t>(now) ^ (static_cast<uint64_t>(::getpid()) << 40);
}

}  // namespace tern
