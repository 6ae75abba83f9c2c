#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_

// What every Store does. An implementation's test includes this and instantiates the suite with a
// function that opens one.

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/store.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::store {

// Opens the store that lies in `directory`, new or as it was left, with pages and these bounds.
using StoreOpener = std::function<absl::StatusOr<std::unique_ptr<Store>>(
    const std::string& directory, const RetentionLimits& limits, int64_t now_wall_ns)>;

class StoreSuite : public testing::TestWithParam<StoreOpener> {
 protected:
  static constexpr int64_t kNow = 1'700'000'000'000'000'000;
  static constexpr int64_t kSecond = 1'000'000'000;
  static constexpr int64_t kDay = int64_t{24} * 3600 * kSecond;

  void SetUp() override {
    char directory[] = "/tmp/hoptrail-store-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    Reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Reopen() {
    store_.reset();
    auto store = GetParam()(directory_, {}, kNow);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Write(const WriteBatch& batch) {
    const absl::Status status = store_->Write(batch, kNow);
    ASSERT_TRUE(status.ok()) << status;
  }
  ReaderLease reader() { return store_->BorrowReader(); }

  static model::Session Session(uint8_t number, int64_t opened = kNow, bool closed = false) {
    model::Session session = wire::TestSession();
    session.id = wire::TestSessionId(number);
    session.opened_wall_ns = opened;
    session.login_ended_wall_ns = closed ? opened + 1 : 0;
    session.closed_wall_ns = closed ? opened + 2 : 0;
    return session;
  }
  static model::Detection Detection(uint8_t number) {
    model::Detection detection = wire::TestDetection();
    detection.id.bytes[0] = number;
    return detection;
  }
  static model::Incident Incident(uint8_t number) {
    model::Incident incident = wire::TestIncident();
    incident.id.bytes[0] = number;
    incident.state = model::IncidentState::kOpen;
    incident.merged_into = {};
    incident.detections = {Detection(number).id};
    incident.sessions = {Session(number).id};
    incident.root = Session(number).id;
    return incident;
  }
  static StoredHop Hop(uint8_t number) {
    StoredHop hop;
    hop.key.bytes[0] = number;
    hop.hop.server = wire::TestHopEnd();
    hop.hop.proof = model::Proof::kUnknown;
    return hop;
  }
  std::optional<Outbox::Item> Next(Outbox* outbox) {
    auto item = outbox->Next([](const Outbox::Item& each) { return !each.held; });
    EXPECT_TRUE(item.ok()) << item.status();
    return item.ok() ? *item : std::nullopt;
  }

  std::string directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreSuite, WhatWasWritten_IsReadAndComesBackAfterReopening) {
  WriteBatch batch{.sessions = {Session(1)},
                   .hops = {Hop(1)},
                   .detections = {Detection(1)},
                   .incidents = {Incident(1)}};
  batch.hosts[Session(1).host] = {
      .host_name = "gw", .state = HostState::kConnected, .acknowledged_sequence = 7};
  Write(batch);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(reader()->GetSession(Session(1).id)->session, Session(1));
    EXPECT_EQ(reader()->GetSession(Session(1).id)->host_name, "gw");
    EXPECT_EQ(reader()->GetHop(Hop(1).key)->hop, Hop(1).hop);
    EXPECT_EQ(reader()->GetDetection(Detection(1).id)->detection, Detection(1));
    EXPECT_EQ(reader()->GetDetection(Detection(1).id)->incident, Incident(1).id);
    EXPECT_EQ(*reader()->GetIncident(Incident(1).id), Incident(1));
    const auto snapshot = store_->LoadSnapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_THAT(snapshot->sessions, testing::ElementsAre(Session(1)));
    EXPECT_THAT(snapshot->hops, testing::ElementsAre(Hop(1)));
    EXPECT_THAT(snapshot->detections, testing::ElementsAre(Detection(1)));
    EXPECT_THAT(snapshot->incidents, testing::ElementsAre(Incident(1)));
    const auto hosts = store_->LoadHosts();
    ASSERT_TRUE(hosts.ok()) << hosts.status();
    ASSERT_EQ(hosts->size(), 1u);
    EXPECT_EQ(hosts->front().host_name, "gw");
    EXPECT_EQ(hosts->front().acknowledged_sequence, 7u);
    Reopen();
  }
  EXPECT_EQ(store_->LoadHosts()->front().state, HostState::kDisconnected)
      << "streams do not survive the process";
}

TEST_P(StoreSuite, SameIdAgain_ReplacesAndARemovedHopIsGone) {
  Write({.sessions = {Session(1)}, .hops = {Hop(1), Hop(2)}});
  model::Session changed = Session(1);
  changed.user = "other";
  Write({.sessions = {changed}, .removed_hops = {Hop(2).key}});
  EXPECT_EQ(reader()->GetSession(changed.id)->session.user, "other");
  EXPECT_EQ(reader()->ListSessions({}, std::nullopt, 10)->items.size(), 1u);
  EXPECT_EQ(reader()->GetHop(Hop(2).key).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(reader()->GetHop(Hop(1).key).ok());
}

TEST_P(StoreSuite, AcknowledgedSequence_NeverGoesBackAndAbsentFieldsStay) {
  const model::HostId host = wire::TestHost();
  WriteBatch batch;
  batch.hosts[host] = {.host_name = "gw", .acknowledged_sequence = 9};
  Write(batch);
  batch.hosts[host] = {.acknowledged_sequence = 4};
  Write(batch);
  const auto hosts = store_->LoadHosts();
  ASSERT_EQ(hosts->size(), 1u);
  EXPECT_EQ(hosts->front().acknowledged_sequence, 9u);
  EXPECT_EQ(hosts->front().host_name, "gw");
}

TEST_P(StoreSuite, Lists_HaveEveryRowOnceNewestFirst) {
  for (uint8_t i = 1; i <= 7; ++i) Write({.sessions = {Session(i)}});
  std::vector<model::SessionId> seen;
  std::optional<Cursor> after;
  do {
    const auto page = reader()->ListSessions({}, after, 3);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const SessionView& view : page->items) seen.push_back(view.session.id);
    after = page->next;
  } while (after);
  ASSERT_EQ(seen.size(), 7u);
  for (uint8_t i = 0; i < 7; ++i) EXPECT_EQ(seen[i], wire::TestSessionId(7 - i));
}

TEST_P(StoreSuite, Filters_NarrowLists) {
  model::Session other = Session(2);
  other.user = "other";
  Write({.sessions = {Session(1), other}, .detections = {Detection(1)}});
  SessionFilter by_user;
  by_user.user = "other";
  const auto sessions = reader()->ListSessions(by_user, std::nullopt, 10);
  ASSERT_EQ(sessions->items.size(), 1u);
  EXPECT_EQ(sessions->items[0].session.id, other.id);
  DetectionFilter by_rule;
  by_rule.rule = Detection(1).rule;
  EXPECT_EQ(reader()->ListDetections(by_rule, std::nullopt, 10)->items.size(), 1u);
  by_rule.rule = "no such rule";
  EXPECT_EQ(reader()->ListDetections(by_rule, std::nullopt, 10)->items.size(), 0u);
}

TEST_P(StoreSuite, Edges_OfOneMinuteAddUp) {
  const auto edge = std::get<model::EdgeCount>(wire::TestFacts()[3]);
  Write({.edges = {edge, edge}});
  const auto page = reader()->ListEdges({}, std::nullopt, 10);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].host, edge.host);
  EXPECT_EQ(page->items[0].connections, 2 * edge.connections);
}

TEST_P(StoreSuite, ABeginningOfAnId_FindsItWhereItIsTheOnlyOne) {
  model::Session near = Session(1);
  near.id.bytes[15] = 1;
  Write({.sessions = {Session(1), Session(2), near}});
  EXPECT_EQ(*reader()->FindSession("0200"), Session(2).id);
  EXPECT_EQ(reader()->FindSession("0100").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reader()->FindSession("ffff").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindSession("02").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(StoreSuite, ChangeFeed_HasEachChangeOnceInOrderAndTheSameAgainIsNone) {
  Write({.detections = {Detection(1), Detection(2)}});
  const int64_t first = *reader()->Revision();
  EXPECT_EQ(store_->changes()->revision(), first);
  Write({.detections = {Detection(1)}});
  EXPECT_EQ(*reader()->Revision(), first) << "nothing has changed";
  model::Detection changed = Detection(1);
  changed.summary = "more of it";
  Write({.detections = {changed}});
  const auto all = reader()->DetectionsAfter({}, 0, 10);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].value.detection.id, Detection(2).id);
  EXPECT_EQ((*all)[1].value.detection, changed);
  EXPECT_LT((*all)[0].revision, (*all)[1].revision);
  EXPECT_EQ(reader()->DetectionsAfter({}, first, 10)->size(), 1u);
  EXPECT_GT(store_->changes()->revision(), first);
  const std::string epoch = *reader()->Epoch();
  Reopen();
  EXPECT_EQ(*reader()->Epoch(), epoch);
  EXPECT_GT(*reader()->Revision(), first);
}

TEST_P(StoreSuite, Page_IsHeldThenWaitsUntilItIsDoneAlsoOverARestart) {
  Write({.incidents = {Incident(1)}});
  EXPECT_TRUE(store_->HoldsPages());
  auto outbox = *store_->OpenOutbox();
  EXPECT_FALSE(Next(outbox.get()).has_value());
  ASSERT_TRUE(store_->ReleasePages(kNow, 0).ok());
  EXPECT_FALSE(store_->HoldsPages());
  auto item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->incident, Incident(1).id);
  EXPECT_EQ(item->action, Outbox::kTrigger);
  ASSERT_TRUE(outbox->Failed(*item, {kNow, kNow + kSecond, "HTTP 503"}, true).ok());
  EXPECT_TRUE((*reader()->DeliveryOf(item->incident))->failed);
  outbox.reset();
  Reopen();
  outbox = *store_->OpenOutbox();
  item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  ASSERT_TRUE(outbox->Done(*item, kNow, "").ok());
  EXPECT_EQ(*outbox->Waiting(), 0);
  EXPECT_TRUE((*reader()->DeliveryOf(item->incident))->delivered);
  outbox.reset();
}

TEST_P(StoreSuite, IncidentThatChangesWhileItsPageIsSent_WaitsAgain) {
  Write({.incidents = {Incident(1)}});
  ASSERT_TRUE(store_->ReleasePages(kNow, 0).ok());
  auto outbox = *store_->OpenOutbox();
  const auto item = Next(outbox.get());
  ASSERT_TRUE(item.has_value());
  model::Incident grown = Incident(1);
  grown.title = "grew";
  Write({.incidents = {grown}});
  ASSERT_TRUE(outbox->Done(*item, kNow, "").ok());
  EXPECT_EQ(*outbox->Waiting(), 1);
  outbox.reset();
}

TEST_P(StoreSuite, IncidentThatIsOverBeforeItsPageWasReleased_IsNeverSent) {
  Write({.incidents = {Incident(1)}});
  model::Incident over = Incident(1);
  over.state = model::IncidentState::kResolved;
  Write({.incidents = {over}});
  auto outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->Waiting(), 0);
  outbox.reset();
}

TEST_P(StoreSuite, NotifyingSwitchedOff_PutsNothingIntoTheOutbox) {
  store_->SetNotify(false);
  Write({.incidents = {Incident(1)}});
  auto outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->Waiting(), 0);
  outbox.reset();
}

TEST_P(StoreSuite, Cursor_IsKeptForEachConsumer) {
  auto outbox = *store_->OpenOutbox();
  EXPECT_FALSE((*outbox->LoadCursor("one")).has_value());
  ASSERT_TRUE(outbox->SaveCursor("one", 5).ok());
  ASSERT_TRUE(outbox->SaveCursor("one", 6).ok());
  outbox.reset();
  Reopen();
  outbox = *store_->OpenOutbox();
  EXPECT_EQ(*outbox->LoadCursor("one"), 6);
  EXPECT_FALSE((*outbox->LoadCursor("other")).has_value());
  outbox.reset();
}

TEST_P(StoreSuite, Retention_RemovesWhatIsOldAndSparesOpenIncidents) {
  Write({.sessions = {Session(1, kNow - 60 * kDay, true), Session(2, kNow - 60 * kDay, true),
                      Session(3)},
         .incidents = {Incident(1)}});
  ASSERT_EQ(store_->max_age_ns(), RetentionLimits().max_age_ns);
  auto removed = store_->ApplyRetention(kNow);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(*removed, 1);
  EXPECT_TRUE(reader()->GetSession(Session(1).id).ok()) << "on an open incident's path";
  EXPECT_FALSE(reader()->GetSession(Session(2).id).ok());
  EXPECT_TRUE(reader()->GetSession(Session(3).id).ok());
  store_->SetRetention({.max_age_ns = 90 * kDay});
  EXPECT_EQ(store_->max_age_ns(), 90 * kDay);
}

TEST_P(StoreSuite, HostOffTheList_IsForgottenWhenNoSessionNamesIt) {
  WriteBatch batch{.sessions = {Session(1)}};
  model::HostId other = wire::TestHost();
  other.machine.bytes[1] = 9;
  for (const model::HostId& host : {Session(1).host, other}) {
    batch.hosts[host] = {.listed = false, .last_seen_wall_ns = kNow - 60 * kDay};
  }
  Write(batch);
  EXPECT_THAT(*store_->ForgetHosts(kNow - 30 * kDay), testing::ElementsAre(other));
}

TEST_P(StoreSuite, Readers_AreLentToOneThreadEachAndComeBack) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(reader()->Revision().ok());
  EXPECT_FALSE(store_->trouble().has_value());
  EXPECT_TRUE(store_->CheckWritable(kNow).ok());
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_STORE_SUITE_H_
