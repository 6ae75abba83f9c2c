#include "collector/api/message_reader.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): the fixture's namespace

using ::testing::ElementsAre;

// All rows of a list, read in pages of one row.
template <typename Message, typename Read>
std::vector<Message> ReadAll(const Read& read) {
  std::vector<Message> rows;
  std::optional<Cursor> after;
  do {
    absl::StatusOr<Page<Message>> page = read(after);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return rows;
    EXPECT_EQ(page->items.size(), 1u);
    rows.insert(rows.end(), page->items.begin(), page->items.end());
    after = page->next;
  } while (after.has_value() && rows.size() < 10);
  return rows;
}

TEST_F(ApiTest, Lists_AreMessagesInTheStoresOrderWithItsCursors) {
  model::Detection detection = wire::TestDetection();
  model::Incident incident = OpenIncident();
  auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.sessions = {SessionAt(1, kNow)},
         .hops = {TestHop(1)},
         .detections = {detection},
         .incidents = {incident},
         .edges = {edge}});
  StoredHop joined = TestHop(2);
  joined.hop.client = wire::TestHopEnd();
  joined.hop.client->side = model::HopSide::kClient;
  joined.hop.proof = model::Proof::kProven;
  joined.hop.probability = 1;
  detection.id.bytes[0] = 99;
  incident.id.bytes[0] = 99;
  edge.protocol = model::kProtocolUdp;
  Write({.sessions = {SessionAt(2, kNow)},
         .hops = {joined},
         .detections = {detection},
         .incidents = {incident},
         .edges = {edge}});
  std::vector<std::string> words;
  for (const v1::Session& session : ReadAll<v1::Session>(
           [this](const auto& after) { return reader()->ListSessions({}, after, 1); })) {
    EXPECT_EQ(session.title(), "staff");
    words.push_back(session.name());
  }
  EXPECT_THAT(words, ElementsAre(wire::ResourceName(wire::TestSessionId(2)),
                                 wire::ResourceName(wire::TestSessionId(1))));
  words.clear();
  for (const v1::Hop& hop :
       ReadAll<v1::Hop>([this](const auto& after) { return reader()->ListHops({}, after, 1); })) {
    words.push_back(absl::StrCat(v1::Proof_Name(hop.proof()), " ", hop.has_client()));
  }
  EXPECT_THAT(words, ElementsAre("PROVEN 1", "PROOF_UNSPECIFIED 0"));
  words.clear();
  for (const v1::Edge& each :
       ReadAll<v1::Edge>([this](const auto& after) { return reader()->ListEdges({}, after, 1); })) {
    words.push_back(absl::StrCat(each.protocol(), " ", each.connections()));
  }
  EXPECT_THAT(words, ElementsAre("17 3", "6 3"));
  words.clear();
  for (const v1::Detection& each : ReadAll<v1::Detection>(
           [this](const auto& after) { return reader()->ListDetections({}, after, 1); })) {
    words.push_back(each.name());
  }
  EXPECT_THAT(words, ElementsAre(wire::ResourceName(detection.id),
                                 wire::ResourceName(wire::TestDetection().id)));
  words.clear();
  for (const v1::Incident& each : ReadAll<v1::Incident>(
           [this](const auto& after) { return reader()->ListIncidents({}, after, 1); })) {
    words.push_back(each.name());
  }
  EXPECT_THAT(words,
              ElementsAre(wire::ResourceName(incident.id), wire::ResourceName(OpenIncident().id)));
}

TEST_F(ApiTest, Detection_NamesItsHostAndItsIncident) {
  WriteBatch batch{.detections = {wire::TestDetection()}, .incidents = {OpenIncident()}};
  batch.hosts[wire::TestHost()].host_name = "gw";
  Write(batch);
  const auto detection = reader()->GetDetection(wire::TestDetection().id);
  ASSERT_TRUE(detection.ok()) << detection.status();
  EXPECT_EQ(detection->host_name(), "gw");
  EXPECT_EQ(detection->incident(), wire::ResourceName(OpenIncident().id));
  const auto own = reader()->DetectionsOf(wire::TestSession().id, 10);
  ASSERT_TRUE(own.ok()) << own.status();
  ASSERT_EQ(own->size(), 1u);
  EXPECT_EQ(own->front().name(), detection->name());
}

TEST_F(ApiTest, Changes_AreMessagesWithTheirRevisions) {
  Write({.detections = {wire::TestDetection()}, .incidents = {OpenIncident()}});
  const auto detections = reader()->DetectionsAfter({}, 0, 10);
  ASSERT_TRUE(detections.ok()) << detections.status();
  ASSERT_EQ(detections->size(), 1u);
  EXPECT_EQ(detections->front().value.name(), wire::ResourceName(wire::TestDetection().id));
  EXPECT_GT(detections->front().revision, 0);
  const auto incidents = reader()->IncidentsAfter({}, 0, 10);
  ASSERT_TRUE(incidents.ok()) << incidents.status();
  ASSERT_EQ(incidents->size(), 1u);
  EXPECT_EQ(incidents->front().value.name(), wire::ResourceName(OpenIncident().id));
  EXPECT_EQ(reader()->IncidentsAfter({}, incidents->front().revision, 10)->size(), 0u);
}

TEST_F(ApiTest, Delivery_IsPendingThenRetryingThenDelivered) {
  Write({.incidents = {OpenIncident()}});
  const auto delivery = [this] {
    v1::Incident incident = reader()->GetIncident(OpenIncident().id).value();
    EXPECT_TRUE(reader()->AddDeliveries(&incident).ok());
    EXPECT_EQ(incident.deliveries_size(), 1);
    return incident.deliveries_size() == 1 ? incident.deliveries(0) : v1::Delivery();
  };
  EXPECT_EQ(delivery().state(), v1::PENDING);
  EXPECT_EQ(delivery().notifier(), "pagerduty");
  EXPECT_FALSE(delivery().has_attempt_time());
  auto outbox = *store_->OpenOutbox();
  const auto item = *outbox->Next([](const Outbox::Item&) { return true; });
  ASSERT_TRUE(item.has_value());
  ASSERT_TRUE(outbox->Failed(*item, {kNow, kNow + kSecond, "HTTP 503"}, true).ok());
  EXPECT_EQ(delivery().state(), v1::RETRYING);
  EXPECT_EQ(delivery().last_error(), "HTTP 503");
  EXPECT_EQ(delivery().attempt_time().seconds(), kNow / kSecond);
  EXPECT_EQ(delivery().next_attempt_time().seconds(), kNow / kSecond + 1);
  ASSERT_TRUE(outbox->Done(*item, kNow, "").ok());
  EXPECT_EQ(delivery().state(), v1::DELIVERED);
  EXPECT_EQ(delivery().attempts(), 2u);
  EXPECT_FALSE(delivery().has_next_attempt_time());
}

TEST_F(ApiTest, ErrorOfTheStore_IsThatOfTheMessageReader) {
  EXPECT_EQ(reader()->GetSession(wire::TestSession().id).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindSession("01").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace hoptrail::collector::api
