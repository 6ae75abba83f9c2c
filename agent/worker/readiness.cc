#include "agent/worker/readiness.h"

#include "absl/strings/str_cat.h"

#include "agent/worker/heartbeat.h"

namespace hoptrail::agent {

Readiness EvaluateReadiness(const ReadinessInputs& inputs) {
  constexpr uint64_t kSecondNs = 1'000'000'000;
  if (!inputs.blind_sources.empty()) {
    return {false, absl::StrCat("no program of the kernel side serves ", inputs.blind_sources)};
  }
  if (inputs.self_test && inputs.heartbeat_boot_ns == 0) {
    return {false, "no event of the self-test has come through the kernel's rings yet"};
  }
  const uint64_t silent_ns = inputs.now_boot_ns > inputs.heartbeat_boot_ns
                                 ? inputs.now_boot_ns - inputs.heartbeat_boot_ns
                                 : 0;
  if (inputs.self_test && silent_ns >= HeartbeatWatch::kMissingAfterNs) {
    return {false, absl::StrCat("no event of the self-test for ", silent_ns / kSecondNs,
                                " s: programs detached, or the loader hangs")};
  }
  if (!inputs.collector_reached && !inputs.spool_trouble.empty()) {
    return {false, absl::StrCat("the collector is not reached, and nothing can be spooled: ",
                                inputs.spool_trouble)};
  }
  return {true, absl::StrCat(
                    "the kernel's events come, the collector is ",
                    inputs.collector_reached ? "reached" : "not reached, what is found is spooled",
                    inputs.spool_trouble.empty()
                        ? ""
                        : absl::StrCat(", nothing can be spooled: ", inputs.spool_trouble))};
}

}  // namespace hoptrail::agent
