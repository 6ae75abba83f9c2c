// A steady load.
//
//   bench-steady RATE SECONDS   RATE programs and RATE connections a second, evenly spread
//
// Prints `late N`: how many operations began late by more than the distance between two.
#include <algorithm>
#include <cerrno>

#include "network.h"
#include "program.h"

namespace {

using hoptrail::bench::NowNs;

void SleepUntil(int64_t when_ns) {
  const timespec when = {.tv_sec = when_ns / 1'000'000'000, .tv_nsec = when_ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rate = argc == 3 ? std::atoi(argv[1]) : 0;
  const int seconds = argc == 3 ? std::atoi(argv[2]) : 0;
  if (rate < 1 || rate > 100'000 || seconds < 1 || seconds > 3600) {
    std::fprintf(stderr, "usage: bench-steady RATE SECONDS\n");
    return 2;
  }
  hoptrail::bench::TakeOwnNetwork();
  hoptrail::bench::Program nothing(argv[0]);
  hoptrail::bench::Connections connections;
  const int64_t distance_ns = 1'000'000'000 / rate;
  int64_t due_ns = NowNs();
  int64_t late = 0;
  for (int64_t i = 0; i < int64_t{rate} * seconds; ++i) {
    SleepUntil(due_ns);
    if (NowNs() - due_ns > distance_ns) ++late;
    nothing.Run();
    connections.OpenAndClose();
    due_ns += distance_ns;
  }
  std::printf("late %lld\n", static_cast<long long>(late));
  return 0;
}
