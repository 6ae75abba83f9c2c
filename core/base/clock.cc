#include "core/base/clock.h"

#include <time.h>

#include <algorithm>
#include <limits>

namespace hoptrail {
namespace {

int64_t Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

class SystemClock : public Clock {
 public:
  uint64_t BootNs() const override { return static_cast<uint64_t>(Read(CLOCK_BOOTTIME)); }
  int64_t WallNs() const override { return Read(CLOCK_REALTIME); }
};

}  // namespace

int64_t Clock::WallFromBoot(uint64_t boot_ns) const {
  const __int128 wall = static_cast<__int128>(WallNs()) - BootNs() + boot_ns;
  return static_cast<int64_t>(std::clamp<__int128>(wall, std::numeric_limits<int64_t>::min(),
                                                   std::numeric_limits<int64_t>::max()));
}

const Clock& Clock::System() {
  static const SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace hoptrail
