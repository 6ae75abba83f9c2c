#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_TIMES_FOR_TEST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_TIMES_FOR_TEST_H_

#include <cstdint>

namespace hoptrail::collector::engine {

// Wall times for tests, nanoseconds.
inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kStart = 1'700'000'000 * kSecond;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_TIMES_FOR_TEST_H_
