// A host that reports many serious detections on sessions that it invents.

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"
#include "collector/engine/incident/incident_budget.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

class IncidentFloodTest : public EngineTest {
 protected:
  IncidentFloodTest() : engine_(options_) {
    story_.AddHost("eve");
    story_.AddHost("gw");
  }
  // A session of its own with a critical detection.
  void Invent(const std::string& host, int number) {
    const model::Session session = story_.MakeSession(host, "mallory", number);
    story_.Report(host, session);
    story_.Detect(host, session, "pivot", model::Severity::kCritical, number);
  }
  void RunNew() {
    const Story::Facts& all = story_.in_order();
    const std::vector<model::Fact> fresh(all.begin() + static_cast<ptrdiff_t>(taken_), all.end());
    taken_ = all.size();
    Run(&engine_, fresh, &store_);
  }
  size_t Count(const std::string& rule) const {
    size_t count = 0;
    for (const auto& [id, detection] : store_.detections) count += detection.rule == rule;
    return count;
  }

  Story story_;
  Store store_;
  Engine engine_;
  size_t taken_ = 0;
};

TEST_F(IncidentFloodTest, ThousandsOfInventedIncidents_AreAFewAndOneThatSaysSo) {
  for (int i = 0; i < 3000; ++i) Invent("eve", i);
  RunNew();
  const auto burst = static_cast<size_t>(IncidentBudget::kLimits.burst);
  EXPECT_EQ(store_.incidents.size(), burst + 1);
  ASSERT_EQ(Count("claim-flood"), 1u);
  size_t flood_incidents = 0;
  for (const auto& [id, incident] : store_.incidents) {
    for (const model::DetectionId& each : incident.detections) {
      flood_incidents += store_.detections.at(each).rule == "claim-flood";
    }
  }
  EXPECT_EQ(flood_incidents, 1u);
  EXPECT_EQ(Count("pivot"), 3000u) << "nothing is lost";
  // Another host's incident opens at once.
  Invent("gw", 1);
  RunNew();
  EXPECT_EQ(store_.incidents.size(), burst + 2);
}

TEST_F(IncidentFloodTest, WaitingIncident_OpensWhenThereIsRoom) {
  const auto burst = static_cast<int>(IncidentBudget::kLimits.burst);
  for (int i = 0; i < burst + 3; ++i) Invent("eve", i);
  RunNew();
  const size_t before = store_.incidents.size();
  EXPECT_EQ(before, static_cast<size_t>(burst) + 1);
  Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_EQ(store_.incidents.size(), before);
  Tick(&engine_, 600 * kSecond, &store_);
  EXPECT_EQ(store_.incidents.size(), before + 1);
  Tick(&engine_, 600 * kSecond, &store_);
  EXPECT_EQ(store_.incidents.size(), before + 2) << "the last one";
  Tick(&engine_, 6000 * kSecond, &store_);
  EXPECT_EQ(store_.incidents.size(), before + 2);
}

}  // namespace
}  // namespace hoptrail::collector::engine
