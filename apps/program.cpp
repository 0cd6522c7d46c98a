#include "apps/program.h"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "base/error.h"

namespace tern {

namespace {

int report(const std::string& message, int code) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return code;
}

// Torch reports exhausted memory as a plain c10::Error; only its text tells, and it carries a stack trace after the
// first line that users should not see.
bool is_torch_out_of_memory(const std::string& what) {
  return what.find("not enough memory") != std::string::npos ||
         what.find("can't allocate memory") != std::string::npos ||
         what.find("CUDA out of memory") != std::string::npos;
}

// "could not allocate 51539607552 bytes" out of torch's text; empty where it says nothing of the kind.
std::string what_was_asked(const std::string& what) {
  const std::string words = "ried to allocate ";
  const size_t found = what.find(words);
  if (found == std::string::npos) return "";
  const size_t start = found + words.size();
  return "could not allocate " + what.substr(start, what.find(". ", start) - start) + ", ";
}

int report_out_of_memory(const std::string& asked) {
  return report("out of memory, " + asked + "lower global_batch_size or the model's size, or free memory",
                exit_code(ErrorKind::out_of_memory));
}

}  // namespace

int run_program(const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& e) {
    return report(e.what(), exit_code(e.kind()));
  } catch (const std::bad_alloc&) {
    return report_out_of_memory("");
  } catch (const std::exception& e) {
    const std::string what = e.what();
    if (is_torch_out_of_memory(what)) return report_out_of_memory(what_was_asked(what));
    return report(what.substr(0, what.find('\n')), 1);
  }
}

}  // namespace tern
