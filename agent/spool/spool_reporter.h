#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_REPORTER_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_REPORTER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/spool/degradations.h"
#include "agent/spool/loss_ledger.h"
#include "core/base/clock.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// Reports the spool's own losses and degradations. Thread-safe.
class SpoolReporter {
 public:
  // All outlive this; `degradations` may be null.
  SpoolReporter(LossLedger* losses, Degradations* degradations, const Clock* clock)
      : losses_(losses), degradations_(degradations), clock_(clock) {}

  // Losses of `where` ("spool", "memory"), by kind. A count of 0 is no loss.
  void AddLoss(absl::string_view where, absl::string_view kind, uint64_t count) const;
  void AddLosses(absl::string_view where, const std::map<std::string, uint64_t>& counts) const;

  void AddDegradation(model::DegradationKind kind, const std::string& detail,
                      absl::Duration lasts = absl::InfiniteDuration()) const;
  void ClearDegradation(model::DegradationKind kind) const;

  // This run lacks something that the last one saved: also logs it.
  void AddMissingHistory(absl::string_view why) const;

 private:
  LossLedger* const losses_;
  Degradations* const degradations_;
  const Clock* const clock_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_REPORTER_H_
