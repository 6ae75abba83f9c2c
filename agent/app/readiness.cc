#include "agent/app/readiness.h"

#include "absl/strings/str_cat.h"

#include "agent/app/heartbeat.h"

namespace hoptrail::agent::app {

Readiness Judge(const ReadinessFacts& facts) {
  constexpr uint64_t kSecondNs = 1'000'000'000;
  if (!facts.blind_for.empty()) {
    return {false, absl::StrCat("no program of the kernel side serves ", facts.blind_for)};
  }
  if (facts.self_test && facts.heartbeat_boot_ns == 0) {
    return {false, "no event of the self-test has come through the kernel's rings yet"};
  }
  const uint64_t silent_ns =
      facts.now_boot_ns > facts.heartbeat_boot_ns ? facts.now_boot_ns - facts.heartbeat_boot_ns : 0;
  if (facts.self_test && silent_ns >= HeartbeatWatch::kMissingAfterNs) {
    return {false, absl::StrCat("no event of the self-test for ", silent_ns / kSecondNs,
                                " s: programs detached, or the loader hangs")};
  }
  if (!facts.collector_reached && !facts.spool_trouble.empty()) {
    return {false, absl::StrCat("the collector is not reached, and nothing can be spooled: ",
                                facts.spool_trouble)};
  }
  return {true, absl::StrCat(
                    "the kernel's events come, the collector is ",
                    facts.collector_reached ? "reached" : "not reached, what is found is spooled",
                    facts.spool_trouble.empty()
                        ? ""
                        : absl::StrCat(", nothing can be spooled: ", facts.spool_trouble))};
}

}  // namespace hoptrail::agent::app
