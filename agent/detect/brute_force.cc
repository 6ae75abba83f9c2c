#include "agent/detect/brute_force.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace hoptrail::agent::detect {
namespace {

using hoptrail::detect::AddEvidence;

// More failures than this are only counted.
constexpr size_t kMaxTimes = 1024;

std::string Time(int64_t wall_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(wall_ns), absl::UTCTimeZone());
}

}  // namespace

const hoptrail::detect::RuleInfo& BruteForceRule::Info() {
  static const auto* const info = new hoptrail::detect::RuleInfo{
      .id = "brute-force",
      .title = "Many failed logins from one origin",
      .techniques = {"T1110"},
      .severity = model::Severity::kHigh,
      .check =
          "Whether the account's owner made the login; if not, end the session and change "
          "the password.",
      .benign_causes = {"a person who forgot a password", "a script with an old password"}};
  return *info;
}

std::optional<model::Detection> BruteForceRule::OnLoginAttempt(const model::LoginAttempt& attempt,
                                                               const model::SessionId& listener,
                                                               uint64_t boot_ns) {
  if (options_.disabled) return std::nullopt;
  const bool has_origin = attempt.origin.address != model::IpAddress{};
  const std::string key =
      has_origin ? model::ToString(attempt.origin.address) : model::ToString(attempt.session);
  auto found = origins_.find(key);
  if (found == origins_.end()) {
    if (attempt.succeeded) return std::nullopt;
    if (origins_.size() >= kMaxOrigins) Forget(boot_ns);
    found = origins_.try_emplace(key).first;
  }
  Origin& origin = found->second;
  const uint64_t window_ns = uint64_t{options_.window_seconds} * 1'000'000'000;
  while (!origin.failures.empty() && origin.failures.front().boot_ns + window_ns < boot_ns) {
    origin.failures.pop_front();
    origin.dropped = 0;
  }
  if (origin.failures.empty()) origin.users = hoptrail::detect::BoundedSet(kMaxUsers);
  const uint64_t failures = origin.failures.size() + origin.dropped;
  if (attempt.succeeded) {
    std::optional<model::Detection> detection;
    if (failures >= options_.failures_before_success) {
      detection = Describe(origin, attempt, attempt.session, key);
      detection->title = "A login succeeded after many failures from the same origin";
      detection->summary = hoptrail::detect::Bounded(
          absl::StrCat(attempt.user, " logged in from ", has_origin ? key : "this host", " after ",
                       failures, " failed attempts as ", origin.users.Text()));
      AddEvidence(*detection, "succeeded_as", attempt.user);
    }
    origins_.erase(found);
    return detection;
  }
  origin.failures.push_back({boot_ns, attempt.wall_ns});
  origin.last_boot_ns = boot_ns;
  origin.users.Add(attempt.user);
  if (origin.failures.size() > kMaxTimes) {
    // The first one stays: it is evidence.
    origin.failures.erase(origin.failures.begin() + 1);
    ++origin.dropped;
  }
  // Failures alone are told when there are enough, and once a window after that.
  if (failures + 1 < options_.failures_alone ||
      (origin.told_alone_boot_ns != 0 && boot_ns < origin.told_alone_boot_ns + window_ns)) {
    return std::nullopt;
  }
  origin.told_alone_boot_ns = boot_ns;
  model::Detection detection = Describe(origin, attempt, listener, key);
  detection.severity = model::Severity::kLow;
  detection.summary = hoptrail::detect::Bounded(absl::StrCat(failures + 1, " failed logins from ",
                                                             has_origin ? key : "this host", " as ",
                                                             origin.users.Text()));
  return detection;
}

model::Detection BruteForceRule::Describe(const Origin& origin, const model::LoginAttempt& attempt,
                                          const model::SessionId& session,
                                          absl::string_view key) const {
  model::Detection detection = hoptrail::detect::MakeDetection(
      Info(), {.host = attempt.host, .session = session, .key = key, .wall_ns = attempt.wall_ns});
  AddEvidence(detection, "failures", absl::StrCat(origin.failures.size() + origin.dropped));
  AddEvidence(detection, "users_tried", origin.users.Text());
  AddEvidence(detection, "origin", key);
  AddEvidence(detection, "service", attempt.service);
  AddEvidence(detection, "first_failure", Time(origin.failures.front().wall_ns));
  AddEvidence(detection, "last_failure", Time(origin.failures.back().wall_ns));
  return detection;
}

void BruteForceRule::Forget(uint64_t now_boot_ns) {
  const uint64_t window_ns = uint64_t{options_.window_seconds} * 1'000'000'000;
  auto quietest = origins_.end();
  for (auto it = origins_.begin(); it != origins_.end();) {
    if (it->second.last_boot_ns + window_ns < now_boot_ns) {
      origins_.erase(it++);
      continue;
    }
    if (quietest == origins_.end() || it->second.last_boot_ns < quietest->second.last_boot_ns) {
      quietest = it;
    }
    ++it;
  }
  if (origins_.size() >= kMaxOrigins && quietest != origins_.end()) origins_.erase(quietest);
}

}  // namespace hoptrail::agent::detect
