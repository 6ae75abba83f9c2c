// Measures a series of operations, one after the other.
//
// Prints `ns_per_operation N` and, for the CPU time of the process and its children,
// `cpu_ns_per_operation N`. In a guest whose clock counts instructions (QEMU's -icount shift=0) the
// first number is instructions per operation.
#ifndef HOPTRAIL_TESTS_BENCH_LOAD_MEASURE_H_
#define HOPTRAIL_TESTS_BENCH_LOAD_MEASURE_H_

#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include <sys/resource.h>

namespace hoptrail::bench {

constexpr long kMostOperations = 100'000'000;

[[noreturn]] inline void Die(const char* what) {
  std::perror(what);
  _exit(1);
}

inline int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

inline int64_t CpuNs() {
  int64_t sum_us = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used;
    getrusage(who, &used);
    for (const timeval& part : {used.ru_utime, used.ru_stime}) {
      sum_us += part.tv_sec * 1'000'000 + part.tv_usec;
    }
  }
  return sum_us * 1000;
}

// The usual number of operations takes a third of a second on a server of today; the only argument
// may give another number. A tenth of that number runs before, untimed, as a warm-up.
template <typename Operation>
int Measure(int argc, char** argv, long usual, Operation operation) {
  const long count = argc > 1 ? std::atol(argv[1]) : usual;
  if (argc > 2 || count < 1 || count > kMostOperations) {
    std::fprintf(stderr, "usage: %s [OPERATIONS]\n", argv[0]);
    return 2;
  }
  for (long i = 0; i < count / 10 + 1; ++i) operation();
  const int64_t used_before = CpuNs();
  const int64_t began = NowNs();
  for (long i = 0; i < count; ++i) operation();
  const int64_t took = NowNs() - began;
  const int64_t used = CpuNs() - used_before;
  std::printf("ns_per_operation %.3f\ncpu_ns_per_operation %.3f\n",
              static_cast<double>(took) / static_cast<double>(count),
              static_cast<double>(used) / static_cast<double>(count));
  return 0;
}

}  // namespace hoptrail::bench

#endif  // HOPTRAIL_TESTS_BENCH_LOAD_MEASURE_H_
