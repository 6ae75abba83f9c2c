#include "collector/engine/loop/refusals.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kShownForNs = int64_t{24} * 3600 * 1'000'000'000;
// A host that is refused all the time has its row written and a line logged this often.
constexpr int64_t kShowEveryNs = 10'000'000'000;

}  // namespace

void Refusals::Note(const Refusal& refusal) {
  HostEntry* const entry = hosts_->Find(refusal.host);
  if (entry == nullptr || refusal.count == 0) return;
  RefusedClaims& claims = entry->refused;
  uint64_t& count = claims.counts[refusal.reason];
  const bool is_new = count == 0;
  count += refusal.count;
  claims.last_boot_ns = state_->BootNow();
  claims.changed = true;
  if (is_new) Show(refusal.host, entry);
}

void Refusals::Show(const model::HostId& host, HostEntry* entry) {
  RefusedClaims& claims = entry->refused;
  std::string detail = "the collector refused ";
  const char* separator = "";
  for (const auto& [reason, count] : claims.counts) {
    absl::StrAppend(&detail, separator, RefusalText(reason, count));
    separator = ", ";
  }
  hosts_->AddDegradation(host, entry, model::DegradationKind::kClaimsRefused, std::move(detail));
  claims.changed = false;
  claims.shown_boot_ns = state_->BootNow();
}

void Refusals::Show() {
  const int64_t now = state_->BootNow();
  for (auto& [host, entry] : hosts_->all()) {
    RefusedClaims& claims = entry.refused;
    if (claims.last_boot_ns == 0) continue;
    if (claims.changed && now - claims.shown_boot_ns >= kShowEveryNs) {
      Show(host, &entry);
    } else if (now - claims.last_boot_ns >= kShownForNs) {
      claims = {};
      hosts_->RemoveDegradation(host, &entry, model::DegradationKind::kClaimsRefused, "");
    }
  }
  const uint64_t total = state_->engine->counts().refused;
  if (total == shown_total_) return;
  LogInfo("engine", "refused ", total - shown_total_, " claims, ", total, " since the start");
  shown_total_ = total;
}

}  // namespace hoptrail::collector::engine
