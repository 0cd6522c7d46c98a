// What an error says, for tests of messages.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace tern::test {

// The message of the usage error that `body` throws; a test failure where it throws none or another kind.
template <class Body>
std::string usage_error(Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace tern::test
