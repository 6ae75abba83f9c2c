// The collector's engine: facts of hosts that may lie, the passing of time, people's decisions and
// restarts in any order, with tables so small that a short input fills them.

#include "collector/engine/engine.h"

#include <map>
#include <memory>

#include "core/wire/record.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/fact_script.h"
#include "tests/fuzz/outcome_check.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

using namespace collector;

class Collector {
 public:
  explicit Collector(ByteSource* source) : source_(*source), facts_(source) {
    options_.clock = &clock_;
    options_.max_sessions = 12;
    options_.max_hop_ends = 12;
    options_.rules.mutable_spread()->set_hosts(2);
    engine_ = std::make_unique<engine::Engine>(options_);
  }

  void Step() {
    engine::Outcome outcome;
    const uint8_t what = source_.Byte();
    if (what < 200) {
      ApplyFacts(1 + what % 4, &outcome);
    } else if (what < 220) {
      clock_.AdvanceNs(int64_t{source_.Byte()} * int64_t{3600} * 1'000'000'000);
      engine_->Tick(&outcome);
    } else if (what < 230) {
      clock_.AdvanceNs(int64_t{source_.Byte()} * 1'000'000'000);
      engine_->Tick(&outcome);
    } else if (what < 245) {
      const model::SessionId root = FactScript::SessionOf(source_.Byte());
      const auto state = static_cast<model::IncidentState>(source_.Byte() % 4);
      (void)engine_->SetIncidentState(model::DeriveIncidentId(root), state, "alice", &outcome);
    } else {
      Restart();
    }
    CheckOutcome(outcome);
    Keep(outcome);
    const engine::Path path = engine_->PathOf(FactScript::SessionOf(what));
    for (size_t i = 0; i < path.steps.size(); ++i) {
      Require(path.steps[i].parent < static_cast<int32_t>(i), "a step follows its parent");
    }
  }

 private:
  void ApplyFacts(int count, engine::Outcome* outcome) {
    std::vector<model::Fact> facts;
    for (int i = 0; i < count; ++i) {
      // Passes the fact through its wire format, as ingest does.
      auto fact = wire::FactFromProto(wire::ToRecord(1, facts_.Next()));
      if (fact.ok()) facts.push_back(*std::move(fact));
    }
    engine_->Apply(facts, outcome);
    engine::Outcome repeated;
    engine_->Apply(
        facts.empty() ? absl::Span<const model::Fact>() : absl::MakeSpan(&facts.back(), 1),
        &repeated);
    CheckOutcome(repeated);
    Keep(repeated);
  }

  void Keep(const engine::Outcome& outcome) {
    for (const auto& session : outcome.sessions) sessions_[session.id] = session;
    for (const auto& key : outcome.removed_hops) hops_.erase(key);
    for (const auto& hop : outcome.hops) hops_[hop.key] = hop;
    for (const auto& detection : outcome.detections) detections_[detection.id] = detection;
    for (const auto& incident : outcome.incidents) incidents_[incident.id] = incident;
  }

  void Restart() {
    engine::StoredState state;
    for (const auto& [id, session] : sessions_) state.sessions.push_back(session);
    for (const auto& [key, hop] : hops_) state.hops.push_back(hop);
    for (const auto& [id, detection] : detections_) state.detections.push_back(detection);
    for (const auto& [id, incident] : incidents_) state.incidents.push_back(incident);
    engine_ = std::make_unique<engine::Engine>(options_);
    engine_->Restore(std::move(state));
  }

  ByteSource& source_;
  FactScript facts_;
  FakeClock clock_;
  engine::EngineOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<model::SessionId, model::Session> sessions_;
  std::map<graph::HopId, engine::StoredHop> hops_;
  std::map<model::DetectionId, model::Detection> detections_;
  std::map<model::IncidentId, model::Incident> incidents_;
};

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoptrail::fuzz::ByteSource source(data, size);
  hoptrail::fuzz::Collector collector(&source);
  for (int steps = 0; !source.empty() && steps < 100; ++steps) collector.Step();
  return 0;
}
