// Lines that an op has to say to the person at the terminal: once per text and program, on stderr, so that a kernel
// that runs a million times doesn't fill the log.
#pragma once

#include <functional>
#include <string>

namespace tern::kernels {

void log_once(const std::string& text);

// Where the lines go instead; an empty function: to stderr again. What was said before may then be said again.
void set_log_once_sink(std::function<void(const std::string&)> sink);

}  // namespace tern::kernels
