#include "kernels/common/log_once.h"

#include <cstdio>
#include <mutex>
#include <set>
#include <utility>

namespace tern::kernels {
namespace {

struct Log {
  std::mutex mutex;
  std::set<std::string> said;
  std::function<void(const std::string&)> sink;
};

Log& the_log() {
  static Log log;
  return log;
}

}  // namespace

void log_once(const std::string& text) {
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  if (!log.said.insert(text).second) return;
  if (log.sink) {
    log.sink(text);
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

void set_log_once_sink(std::function<void(const std::string&)> sink) {
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  log.said.clear();
  log.sink = std::move(sink);
}

}  // namespace tern::kernels
