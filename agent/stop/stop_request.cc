#include "agent/stop/stop_request.h"

#include <signal.h>

namespace hoptrail::agent {
namespace {

using From = StopSignal::From;

constexpr uint32_t kSignalMask = 0xff;
constexpr int kFromShift = 8;
constexpr uint32_t kByParent = 1u << 16;

}  // namespace

StopSignal FromSignalInfo(const signalfd_siginfo& info, pid_t parent) {
  StopSignal signal{.number = info.ssi_signo, .from = From::kUnknown};
  if (info.ssi_code == SI_KERNEL) signal.from = From::kKernel;
  // A process cannot forge these codes for another process. With any other code the sender chose
  // the pid and uid itself.
  if (info.ssi_code == SI_USER || info.ssi_code == SI_TKILL) {
    signal.from = From::kProcess;
    signal.pid = info.ssi_pid;
    signal.uid = info.ssi_uid;
    signal.by_parent = info.ssi_pid != 0 && info.ssi_pid == static_cast<uint32_t>(parent);
  }
  return signal;
}

StopNumbers ToNumbers(const StopSignal& signal) {
  return {.number = (signal.number & kSignalMask) |
                    static_cast<uint32_t>(signal.from) << kFromShift |
                    (signal.by_parent ? kByParent : 0),
          .serial = static_cast<uint64_t>(signal.pid) << 32 | signal.uid};
}

StopSignal FromNumbers(const StopNumbers& numbers) {
  const uint32_t from = numbers.number >> kFromShift & 0xff;
  return {.number = numbers.number & kSignalMask,
          .from = from <= static_cast<uint32_t>(From::kUnknown) ? static_cast<From>(from)
                                                                : From::kUnknown,
          .pid = static_cast<uint32_t>(numbers.serial >> 32),
          .uid = static_cast<uint32_t>(numbers.serial),
          .by_parent = (numbers.number & kByParent) != 0};
}

}  // namespace hoptrail::agent
