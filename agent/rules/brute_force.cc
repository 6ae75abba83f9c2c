#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/rules/host_rule.h"
#include "core/config/rule_number.h"
#include "core/detect/evidence.h"

namespace hoptrail::agent::rules {
namespace {

using detect::AddEvidence;

// Further failures of an origin are only counted.
constexpr size_t kMaxTimes = 1024;

std::string Time(int64_t wall_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(wall_ns), absl::UTCTimeZone());
}

// Many failed logins from one origin within a window: low alone, high if a success follows. An
// origin is an address, or for attempts without one the session that makes them. Bounded: the
// origin without failures for the longest time is forgotten first.
class BruteForceRule : public HostRule {
 public:
  static const detect::RuleInfo& Info() {
    static const auto* const info = new detect::RuleInfo{
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

  explicit BruteForceRule(const RuleOptions& options)
      : failures_before_success_(NumberOf(options, Config::kFailuresBeforeSuccessFieldNumber)),
        failures_alone_(NumberOf(options, Config::kFailuresAloneFieldNumber)),
        window_ns_(NumberOf(options, Config::kWindowSecondsFieldNumber) * 1'000'000'000) {}

  const detect::RuleInfo& info() const override { return Info(); }
  session::Interests interests() const override { return {session::Activity::kLoginAttempt}; }
  void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) override;

 private:
  using Config = v1::BruteForceConfig;

  static uint64_t NumberOf(const RuleOptions& options, int field) {
    return config::RuleNumber(options.config.brute_force(), field);
  }

  static constexpr size_t kMaxOrigins = 8192;
  static constexpr size_t kMaxUsers = 16;

  struct Failure {
    uint64_t boot_ns = 0;
    int64_t wall_ns = 0;
  };

  struct Origin {
    std::deque<Failure> failures;  // oldest first, at most kMaxTimes
    uint64_t dropped = 0;          // failures within the window that are not in `failures`
    detect::BoundedSet users{kMaxUsers};
    uint64_t last_boot_ns = 0;
    uint64_t reported_alone_boot_ns = 0;
  };

  void Forget(uint64_t now_boot_ns);
  model::Detection Describe(const Origin& origin, const model::LoginAttempt& attempt,
                            const model::SessionId& session, absl::string_view key) const;

  const uint64_t failures_before_success_;
  const uint64_t failures_alone_;
  const uint64_t window_ns_;  // in boot time, which nobody can set
  absl::flat_hash_map<std::string, Origin> origins_;
};

void BruteForceRule::OnEvent(const session::EnrichedEvent& event, DetectionSink& out) {
  const model::LoginAttempt& attempt = *event.attempt;
  const uint64_t boot_ns = event.boot_ns;
  const bool has_origin = attempt.origin.address != model::IpAddress{};
  const std::string key =
      has_origin ? model::ToString(attempt.origin.address) : model::ToString(attempt.session);
  auto found = origins_.find(key);
  if (found == origins_.end()) {
    if (attempt.succeeded) return;
    if (origins_.size() >= kMaxOrigins) Forget(boot_ns);
    found = origins_.try_emplace(key).first;
  }
  Origin& origin = found->second;
  while (!origin.failures.empty() && origin.failures.front().boot_ns + window_ns_ < boot_ns) {
    origin.failures.pop_front();
    origin.dropped = 0;
  }
  if (origin.failures.empty()) origin.users = detect::BoundedSet(kMaxUsers);
  const uint64_t failures = origin.failures.size() + origin.dropped;
  if (attempt.succeeded) {
    if (failures >= failures_before_success_) {
      model::Detection detection = Describe(origin, attempt, attempt.session, key);
      detection.title = "A login succeeded after many failures from the same origin";
      detection.summary = detect::Bounded(
          absl::StrCat(attempt.user, " logged in from ", has_origin ? key : "this host", " after ",
                       failures, " failed attempts as ", origin.users.Text()));
      AddEvidence(detection, "succeeded_as", attempt.user);
      out.OnDetection(std::move(detection));
    }
    origins_.erase(found);
    return;
  }
  origin.failures.push_back({boot_ns, attempt.wall_ns});
  origin.last_boot_ns = boot_ns;
  origin.users.Add(attempt.user);
  if (origin.failures.size() > kMaxTimes) {
    // Keeps the first one, because the evidence shows its time.
    origin.failures.erase(origin.failures.begin() + 1);
    ++origin.dropped;
  }
  // Failures without a success are reported once they are enough, then once in each window.
  if (failures + 1 < failures_alone_ || (origin.reported_alone_boot_ns != 0 &&
                                         boot_ns < origin.reported_alone_boot_ns + window_ns_)) {
    return;
  }
  origin.reported_alone_boot_ns = boot_ns;
  model::Detection detection = Describe(origin, attempt, event.listener, key);
  detection.severity = model::Severity::kLow;
  detection.summary =
      detect::Bounded(absl::StrCat(failures + 1, " failed logins from ",
                                   has_origin ? key : "this host", " as ", origin.users.Text()));
  out.OnDetection(std::move(detection));
}

model::Detection BruteForceRule::Describe(const Origin& origin, const model::LoginAttempt& attempt,
                                          const model::SessionId& session,
                                          absl::string_view key) const {
  model::Detection detection = detect::MakeDetection(
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
  auto quietest = origins_.end();
  for (auto it = origins_.begin(); it != origins_.end();) {
    if (it->second.last_boot_ns + window_ns_ < now_boot_ns) {
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

}  // namespace

HostRuleEntry BruteForce() { return EntryOf<BruteForceRule>(); }

}  // namespace hoptrail::agent::rules
