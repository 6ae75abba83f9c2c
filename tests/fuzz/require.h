#ifndef HOPTRAIL_TESTS_FUZZ_REQUIRE_H_
#define HOPTRAIL_TESTS_FUZZ_REQUIRE_H_

// Checks a promise beyond not crashing. A broken promise aborts as a crash does, so that the fuzzer
// keeps the input.

#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"

namespace hoptrail::fuzz {

inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline void RequireOk(const absl::Status& status, const char* promise) {
  if (status.ok()) return;
  std::fprintf(stderr, "broken promise: %s: %s\n", promise, status.ToString().c_str());
  std::abort();
}

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_REQUIRE_H_
