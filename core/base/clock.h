#ifndef HOPTRAIL_CORE_BASE_CLOCK_H_
#define HOPTRAIL_CORE_BASE_CLOCK_H_

#include <cstdint>

namespace hoptrail {

// The two clocks of a host. Boot time orders events on one host and never steps; wall time is for
// people and for other hosts, and may step. Nanoseconds.
class Clock {
 public:
  virtual ~Clock() = default;

  // CLOCK_BOOTTIME, ns since boot, suspend included: the clock of bpf_ktime_get_boot_ns().
  virtual uint64_t BootNs() const = 0;
  // CLOCK_REALTIME, ns since 1970-01-01 UTC.
  virtual int64_t WallNs() const = 0;

  // The wall time of a boot time, by the present difference of the two clocks; clamped to int64_t.
  int64_t WallFromBoot(uint64_t boot_ns) const;

  // The system's clocks; never destroyed, usable from any thread.
  static const Clock& System();
};

// A clock that a test sets by hand. Not thread-safe.
class FakeClock : public Clock {
 public:
  uint64_t BootNs() const override { return boot_ns_; }
  int64_t WallNs() const override { return wall_ns_; }
  void AdvanceNs(int64_t ns) {
    boot_ns_ += ns;
    wall_ns_ += ns;
  }
  void StepWallNs(int64_t ns) { wall_ns_ += ns; }

 private:
  uint64_t boot_ns_ = 1'000'000'000;
  int64_t wall_ns_ = 1'700'000'000'000'000'000;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_CLOCK_H_
