#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_ROW_NUMBERS_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_ROW_NUMBERS_H_

// The numbers by which lists and watches are ordered.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hoptrail::collector::store {

// The last numbers that were given. Owned by the Writer, which keeps them in the table `meta`.
struct RowNumbers {
  int64_t revision = 0;  // to a change of a detection or an incident
  int64_t arrival = 0;   // to a new row (docs/decisions/0019)
};

// The rows of one transaction arrive at once; then their own times order them.
template <typename T, typename Time>
std::vector<const T*> InArrivalOrder(const std::vector<T>& values, Time time_of) {
  std::vector<const T*> sorted;
  for (const T& value : values) sorted.push_back(&value);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&time_of](const T* a, const T* b) { return time_of(*a) < time_of(*b); });
  return sorted;
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_ROW_NUMBERS_H_
