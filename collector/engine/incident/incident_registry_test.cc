#include "collector/engine/incident/incident_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::SessionId Id(uint8_t n) {
  model::SessionId id;
  id.bytes[0] = n;
  return id;
}

model::Detection Found(uint8_t n, model::Severity severity) {
  model::Detection detection;
  detection.id.bytes[0] = n;
  detection.severity = severity;
  return detection;
}

class IncidentRegistryTest : public testing::Test {
 protected:
  IncidentRegistry::PathState PathOf(uint8_t root, std::vector<model::SessionId> anchors,
                                     std::vector<const model::Detection*> detections) {
    return {Id(root), std::move(anchors), std::move(detections), {Id(root)}, "title"};
  }
  const model::Incident& Get(uint8_t anchor) {
    return *registry_.Find(model::DeriveIncidentId(Id(anchor)));
  }

  IncidentRegistry registry_{model::Severity::kMedium};
  const model::Detection low_ = Found(1, model::Severity::kLow);
  const model::Detection medium_ = Found(2, model::Severity::kMedium);
  const model::Detection high_ = Found(3, model::Severity::kHigh);
};

TEST_F(IncidentRegistryTest, DetectionOfMinimumSeverity_OpensAnIncident) {
  registry_.Update(PathOf(1, {}, {&low_}), {}, 10);
  EXPECT_THAT(registry_.TakeChanged(), IsEmpty());
  registry_.Update(PathOf(1, {}, {&low_, &medium_}), {}, 11);
  EXPECT_THAT(registry_.TakeChanged(), SizeIs(1));
  EXPECT_THAT(registry_.TakeNewAnchors(), ElementsAre(Id(1)));
  EXPECT_EQ(Get(1).severity, model::Severity::kMedium);
  EXPECT_EQ(Get(1).opened_wall_ns, 11);
  registry_.Update(PathOf(1, {Id(1)}, {&low_, &medium_}), {}, 12);
  EXPECT_THAT(registry_.TakeChanged(), IsEmpty());
  EXPECT_EQ(Get(1).updated_wall_ns, 11);
}

TEST_F(IncidentRegistryTest, ResolvedIncident_ReopensOnlyForEscalatedDetections) {
  registry_.Update(PathOf(1, {}, {&medium_}), {}, 10);
  const model::IncidentId id = Get(1).id;
  ASSERT_TRUE(registry_.SetState(id, model::IncidentState::kResolved, "ann", 11).ok());
  registry_.Update(PathOf(1, {Id(1)}, {&low_, &medium_}), {low_.id}, 12);
  EXPECT_EQ(Get(1).state, model::IncidentState::kResolved);
  EXPECT_THAT(Get(1).detections, SizeIs(2));
  registry_.Update(PathOf(1, {Id(1)}, {&low_, &medium_}), {medium_.id}, 13);
  EXPECT_EQ(Get(1).state, model::IncidentState::kOpen);
  ASSERT_TRUE(registry_.SetState(id, model::IncidentState::kAcknowledged, "ann", 14).ok());
  registry_.Update(PathOf(1, {Id(1)}, {&low_, &medium_, &high_}), {high_.id}, 15);
  EXPECT_EQ(Get(1).state, model::IncidentState::kAcknowledged);  // someone is on it
}

TEST_F(IncidentRegistryTest, TwoIncidentsOnOnePath_MergeIntoTheOlderUntilThePathSplits) {
  registry_.Update(PathOf(2, {}, {&medium_}), {}, 10);
  registry_.Update(PathOf(1, {}, {&high_}), {}, 20);
  registry_.Update(PathOf(1, {Id(1), Id(2)}, {&medium_, &high_}), {}, 30);
  EXPECT_EQ(Get(1).merged_into, Get(2).id);
  EXPECT_EQ(Get(1).state, model::IncidentState::kResolved);
  EXPECT_EQ(Get(2).root, Id(1));
  EXPECT_THAT(Get(2).detections, ElementsAre(medium_.id, high_.id));
  EXPECT_EQ(registry_.Surviving({Id(1), Id(2)})->id, Get(2).id);

  registry_.Update(PathOf(1, {Id(1)}, {&high_}), {}, 40);
  registry_.Update(PathOf(2, {Id(2)}, {&medium_}), {}, 40);
  EXPECT_TRUE(Get(1).merged_into.empty());
  EXPECT_EQ(Get(1).state, model::IncidentState::kOpen);
  EXPECT_EQ(Get(2).root, Id(2));
  EXPECT_THAT(Get(2).detections, ElementsAre(medium_.id));
}

TEST_F(IncidentRegistryTest, IncidentWithoutSevereDetections_IsResolved) {
  registry_.Update(PathOf(1, {}, {&low_, &medium_}), {}, 10);
  registry_.Update(PathOf(1, {Id(1)}, {&low_}), {}, 11);
  EXPECT_EQ(Get(1).state, model::IncidentState::kResolved);
  EXPECT_THAT(Get(1).detections, ElementsAre(low_.id));
}

TEST_F(IncidentRegistryTest, RestoredIncident_KeepsItsAnchor) {
  registry_.Update(PathOf(2, {}, {&medium_}), {}, 10);
  model::Incident stored = Get(2);
  stored.root = Id(1);
  stored.sessions = {Id(1), Id(2)};
  EXPECT_EQ(IncidentRegistry::AnchorOf(stored), Id(2));
  IncidentRegistry other(model::Severity::kMedium);
  other.Restore(stored);
  EXPECT_TRUE(other.IsAnchor(Id(2)));
  EXPECT_THAT(other.TakeChanged(), IsEmpty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
