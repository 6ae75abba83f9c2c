#ifndef HOPTRAIL_CORE_BASE_SATURATING_H_
#define HOPTRAIL_CORE_BASE_SATURATING_H_

// Sums of times that a host reports: it may report any 64 bits, and no sum of them may overflow. A
// result that does not fit is the greatest or the least value.

#include <cstdint>
#include <limits>

namespace hoptrail {

inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

inline int64_t SaturatingSubtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_SATURATING_H_
