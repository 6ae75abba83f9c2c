#include "collector/engine/passage_odds.h"

#include <algorithm>
#include <string>

#include "collector/engine/join/passage.h"
#include "core/base/saturating.h"
#include "core/model/session.h"

namespace hoptrail::collector::engine {
namespace {

Likeness Compare(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return Likeness::kUnknown;
  return a == b ? Likeness::kSame : Likeness::kDifferent;
}

}  // namespace

std::optional<double> OddsOfPassage(const GraphState& graph_state, const model::HopEnd& into,
                                    const model::HopEnd& entry) {
  const std::optional<int64_t> ahead = graph_state.ClockDifference(into.host, entry.host);
  const int64_t slack = ahead.has_value() ? kPassageSlackNs : kPassageUnknownClocksNs;
  const int64_t entered = SaturatingSubtract(entry.established_wall_ns, ahead.value_or(0));
  if (SaturatingAdd(entered, slack) < into.established_wall_ns) return std::nullopt;
  const bool closed = into.closed_wall_ns != 0;
  const int64_t until = closed ? SaturatingAdd(into.closed_wall_ns, kPassageAfterNs)
                               : SaturatingAdd(into.established_wall_ns, kLongestPassageNs);
  if (entered > SaturatingAdd(until, slack)) return std::nullopt;
  const SessionNode* source = graph_state.Find(into.session);
  const SessionNode* login = graph_state.Find(entry.session);
  if (source == nullptr || !source->value.has_value() || source->host != into.host ||
      login == nullptr || !login->value.has_value() || login->host != entry.host) {
    return std::nullopt;
  }
  PassageEvidence evidence;
  evidence.after_ns = std::max<int64_t>(0, SaturatingSubtract(entered, into.established_wall_ns));
  evidence.user = Compare(source->value->user, login->value->user);
  evidence.common_user = login->value->user == "root";
  evidence.key = Compare(source->value->authentication.key_fingerprint,
                         login->value->authentication.key_fingerprint);
  CompareTraffic(into, entry, ahead.value_or(0), &evidence);
  return PassageOdds(evidence);
}

}  // namespace hoptrail::collector::engine
