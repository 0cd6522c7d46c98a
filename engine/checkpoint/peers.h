// How the processes that write one checkpoint together tell each other how far they are.
#pragma once

#include <string>

namespace tern {

class CheckpointPeers {
 public:
  virtual ~CheckpointPeers() = default;

  // Makes a text known to the others. A key is used once.
  virtual void publish(const std::string& key, const std::string& text) = 0;
  // Waits for it. Throws a std::exception when it doesn't come, and after give_up().
  [[nodiscard]] virtual std::string await(const std::string& key) = 0;
  // Called from another thread when this process has to end.
  virtual void give_up() = 0;
};

}  // namespace tern
