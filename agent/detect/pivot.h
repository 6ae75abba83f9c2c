#ifndef HOPTRAIL_AGENT_DETECT_PIVOT_H_
#define HOPTRAIL_AGENT_DETECT_PIVOT_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "core/detect/rule.h"
#include "core/model/detection.h"
#include "core/model/fact.h"

namespace hoptrail::agent::detect {

struct PivotOptions {
  bool disabled = false;
  // Ports of administrative protocols.
  std::vector<uint16_t> ports = {22, 23, 512, 513, 514, 2375, 2376, 3389, 5900, 5985, 5986};

  bool operator==(const PivotOptions&) const = default;
};

// Rule `pivot`: somebody who came in over the network goes on to another host over a protocol that
// gives control of it. Once for each session and destination. Not thread-safe.
class PivotRule {
 public:
  static const hoptrail::detect::RuleInfo& Info();

  explicit PivotRule(PivotOptions options) : options_(std::move(options)) {}

  // `session` is the hop's; `remote` says that it, or the session that caused it, is a remote one
  // that somebody logged in to. `provenance` is null where the collector has told none.
  std::optional<model::Detection> OnHopEnd(const model::HopEnd& hop, const model::Session& session,
                                           bool remote, const model::Provenance* provenance);

  // The collector told where a session came from: what was found before is told again, graver.
  std::vector<model::Detection> OnProvenance(const model::Provenance& provenance);

 private:
  static constexpr size_t kMaxPerSession = 32;
  static constexpr size_t kMaxSessions = 1024;

  static void AddProvenance(model::Detection& detection, const model::Provenance& provenance);

  PivotOptions options_;
  absl::flat_hash_map<model::SessionId, std::vector<model::Detection>> told_;
  std::deque<model::SessionId> order_;  // of told_, oldest first
};

}  // namespace hoptrail::agent::detect

#endif  // HOPTRAIL_AGENT_DETECT_PIVOT_H_
