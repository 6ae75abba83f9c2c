#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_FIXTURE_H_

// For tests: an engine, and a store that keeps its outcomes.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {

// The contents of a store that committed every Outcome.
struct Store {
  std::map<model::SessionId, model::Session> sessions;
  std::map<graph::HopId, model::Hop> hops;
  std::map<model::DetectionId, model::Detection> detections;
  std::map<model::IncidentId, model::Incident> incidents;
  std::map<model::SessionId, model::Provenance> provenance;
  std::map<model::HostId, std::string> names;
  std::map<model::HostId, std::vector<model::IpAddress>> addresses;

  void Commit(const Outcome& outcome) {
    for (const auto& s : outcome.sessions) sessions[s.id] = s;
    for (const auto& k : outcome.removed_hops) hops.erase(k);
    for (const auto& h : outcome.hops) hops[h.key] = h.hop;
    for (const auto& d : outcome.detections) detections[d.id] = d;
    for (const auto& i : outcome.incidents) incidents[i.id] = i;
    for (const auto& [host, p] : outcome.provenance) provenance[p.session] = p;
  }

  StoredState Saved() const {
    StoredState state;
    for (const auto& [host, name] : names) state.host_names.emplace_back(host, name);
    for (const auto& [host, own] : addresses) state.addresses.emplace_back(host, own);
    for (const auto& [id, s] : sessions) state.sessions.push_back(s);
    for (const auto& [key, hop] : hops) state.hops.push_back({key, hop});
    for (const auto& [id, d] : detections) state.detections.push_back(d);
    for (const auto& [id, i] : incidents) state.incidents.push_back(i);
    return state;
  }

  std::vector<model::Incident> Live() const {
    std::vector<model::Incident> live;
    for (const auto& [id, i] : incidents) {
      if (i.merged_into.empty() && i.state != model::IncidentState::kResolved) live.push_back(i);
    }
    return live;
  }

  // Everything that must not depend on the order of the facts, as text.
  std::string Picture() const {
    std::set<std::string> lines;
    for (const auto& [id, s] : sessions) {
      lines.insert(absl::StrCat("session ", model::ToString(id), " ", s.user, " ", s.logged_in, " ",
                                s.closed_wall_ns));
    }
    for (const auto& [key, h] : hops) {
      lines.insert(absl::StrCat("hop ", model::ToString(key), " ", static_cast<int>(h.proof), " ",
                                h.probability, " ", h.client.has_value(), h.server.has_value(), " ",
                                h.client ? h.client->closed_wall_ns : 0));
    }
    for (const auto& d : detections) {
      if (d.second.evidence.contains("withdrawn")) continue;
      lines.insert(DetectionText(d.second));
    }
    for (const auto& i : Live()) {
      std::set<std::string> of;
      for (const auto& id : i.detections) of.insert(DetectionText(detections.at(id)));
      std::string text = absl::StrCat("incident ", i.title, " ", model::ToString(i.root), " ",
                                      static_cast<int>(i.severity));
      for (const auto& s : i.sessions) absl::StrAppend(&text, " ", model::ToString(s));
      for (const auto& d : of) absl::StrAppend(&text, "\n   ", d);
      lines.insert(text);
    }
    for (const auto& [id, p] : provenance) {
      if (sessions.at(id).closed_wall_ns != 0) continue;
      std::string text = absl::StrCat("provenance ", model::ToString(id), " ", p.depth, " ",
                                      model::ToString(p.root), " ", p.proven);
      for (const auto& label : p.path) absl::StrAppend(&text, " ", label);
      lines.insert(text);
    }
    std::string all;
    for (const auto& line : lines) absl::StrAppend(&all, line, "\n");
    return all;
  }

 private:
  // Without the id: that of a path's detection depends on the order of the facts.
  static std::string DetectionText(const model::Detection& d) {
    std::string text = absl::StrCat("detection ", d.rule, " ", static_cast<int>(d.severity), " ",
                                    model::ToString(d.session), " ", d.wall_ns, " ", d.summary);
    for (const auto& [name, value] : d.evidence) absl::StrAppend(&text, " ", name, "=", value);
    return text;
  }
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() { options_.clock = &clock_; }

  void Run(Engine* engine, absl::Span<const model::Fact> facts, Store* store) {
    for (const model::Fact& fact : facts) {
      Outcome outcome;
      engine->Apply(fact, &outcome);
      store->Commit(outcome);
      if (const auto* health = std::get_if<model::AgentHealth>(&fact)) {
        store->names[health->host] = health->host_name;
        store->addresses[health->host] = health->addresses;
      }
      clock_.AdvanceNs(1'000'000);
    }
  }
  void Tick(Engine* engine, int64_t ns, Store* store) {
    clock_.AdvanceNs(ns);
    Outcome outcome;
    engine->Tick(&outcome);
    store->Commit(outcome);
  }
  std::set<std::string> Rules(const Store& store, const model::SessionId& session) {
    std::set<std::string> rules;
    for (const auto& [id, d] : store.detections) {
      if (d.session == session && !d.evidence.contains("withdrawn")) rules.insert(d.rule);
    }
    return rules;
  }

  FakeClock clock_;
  EngineOptions options_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_FIXTURE_H_
