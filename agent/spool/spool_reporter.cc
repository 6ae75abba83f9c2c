#include "agent/spool/spool_reporter.h"

#include "core/base/log.h"

namespace hoptrail::agent::spool {
namespace {

constexpr absl::Duration kHistoryMissedFor = absl::Hours(24);

}  // namespace

void SpoolReporter::AddLoss(absl::string_view where, absl::string_view kind, uint64_t count) const {
  losses_->Add(std::string(where), std::string(kind), count, clock_->WallNs());
}

void SpoolReporter::AddLosses(absl::string_view where,
                              const std::map<std::string, uint64_t>& counts) const {
  for (const auto& [kind, count] : counts) AddLoss(where, kind, count);
}

void SpoolReporter::AddDegradation(model::DegradationKind kind, const std::string& detail,
                                   absl::Duration lasts) const {
  if (degradations_ != nullptr) degradations_->Add(kind, detail, lasts);
}

void SpoolReporter::ClearDegradation(model::DegradationKind kind) const {
  if (degradations_ != nullptr) degradations_->Clear(kind);
}

void SpoolReporter::AddMissingHistory(absl::string_view why) const {
  LogWarning("spool", "starts without what the last run saved: ", why);
  AddDegradation(model::DegradationKind::kRestartedWithoutHistory, std::string(why),
                 kHistoryMissedFor);
}

}  // namespace hoptrail::agent::spool
