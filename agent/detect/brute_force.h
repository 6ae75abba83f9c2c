#ifndef HOPTRAIL_AGENT_DETECT_BRUTE_FORCE_H_
#define HOPTRAIL_AGENT_DETECT_BRUTE_FORCE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

#include "core/detect/evidence.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"
#include "core/model/fact.h"

namespace hoptrail::agent::detect {

struct BruteForceOptions {
  bool disabled = false;
  uint32_t failures_before_success = 5;
  uint32_t failures_alone = 20;
  uint32_t window_seconds = 600;

  bool operator==(const BruteForceOptions&) const = default;
};

// Rule `brute-force`: many failed logins of one origin within a window; grave when a success
// follows. An origin is an address; for attempts without one, the session that tries. Origins are
// bounded: the one that was quiet longest is forgotten first. Not thread-safe.
class BruteForceRule {
 public:
  static const hoptrail::detect::RuleInfo& Info();

  explicit BruteForceRule(BruteForceOptions options) : options_(options) {}

  // `listener`: the session that failures alone are tied to. `boot_ns`: when it was; windows go by
  // the clock that nobody sets.
  std::optional<model::Detection> OnLoginAttempt(const model::LoginAttempt& attempt,
                                                 const model::SessionId& listener,
                                                 uint64_t boot_ns);

  size_t origin_count() const { return origins_.size(); }

 private:
  static constexpr size_t kMaxOrigins = 8192;
  static constexpr size_t kMaxUsers = 16;

  struct Failure {
    uint64_t boot_ns = 0;
    int64_t wall_ns = 0;
  };

  struct Origin {
    std::deque<Failure> failures;  // oldest first, at most as many as matter
    uint64_t dropped = 0;          // within the window, but no longer in `failures`
    hoptrail::detect::BoundedSet users{kMaxUsers};
    uint64_t last_boot_ns = 0;
    uint64_t told_alone_boot_ns = 0;
  };

  void Forget(uint64_t now_boot_ns);
  model::Detection Describe(const Origin& origin, const model::LoginAttempt& attempt,
                            const model::SessionId& session, absl::string_view key) const;

  const BruteForceOptions options_;
  absl::flat_hash_map<std::string, Origin> origins_;
};

}  // namespace hoptrail::agent::detect

#endif  // HOPTRAIL_AGENT_DETECT_BRUTE_FORCE_H_
