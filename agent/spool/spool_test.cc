#include "agent/spool/spool.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "agent/spool/spool_reader.h"
#include "agent/spool/spool_testing.h"
#include "core/wire/record.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::spool {
namespace {

using wire::TestHost;

TEST(Spool, Facts_AreNumberedAndReadInOrder) {
  const TestDirectory directory;
  auto spool = OpenSpool(directory);
  const std::vector<model::Fact> facts = wire::TestFacts();
  for (const model::Fact& fact : facts) spool->Add(fact);
  const v1::Batch batch = WaitForRecords(*spool, facts.size());
  ASSERT_EQ(static_cast<size_t>(batch.records_size()), facts.size());
  for (size_t i = 0; i < facts.size(); ++i) {
    EXPECT_TRUE(*wire::FactFromProto(batch.records(i)) == facts[i]);
    if (i > 0) {
      EXPECT_GT(batch.records(i).sequence(), batch.records(i - 1).sequence());
    }
  }
  EXPECT_GE(batch.records(0).sequence(), FakeClock().BootNs() / 1000);
  EXPECT_EQ(spool->spooled(), facts.size());
}

TEST(Spool, ReadAfter_StartsAboveASequenceAndKeepsToTheByteLimit) {
  const TestDirectory directory;
  auto spool = OpenSpool(directory);
  for (int i = 0; i < 20; ++i) spool->Add(wire::TestSession());
  const v1::Batch all = WaitForRecords(*spool, 20);
  auto reader = SpoolReader::Open(spool->path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto rest = reader->ReadAfter(TestHost(), all.records(14).sequence(), 1 << 20);
  ASSERT_EQ(rest->records_size(), 5);
  EXPECT_EQ(rest->records(0).sequence(), all.records(15).sequence());
  EXPECT_EQ(reader->ReadAfter(TestHost(), 0, 1)->records_size(), 1);
  EXPECT_LT(reader->ReadAfter(TestHost(), 0, 2000)->records_size(), 20);
  EXPECT_EQ(reader->Sequences(TestHost())->first, all.records(0).sequence());
  EXPECT_EQ(reader->Sequences(TestHost())->last, all.records(all.records_size() - 1).sequence());
}

TEST(Spool, AcknowledgedRecords_AreRemoved) {
  const TestDirectory directory;
  auto spool = OpenSpool(directory);
  for (int i = 0; i < 10; ++i) spool->Add(wire::TestSession());
  const v1::Batch all = WaitForRecords(*spool, 10);
  spool->Acknowledge(TestHost(), all.records(5).sequence());
  const v1::Batch rest = WaitForRecords(*spool, 4);
  EXPECT_EQ(rest.records(0).sequence(), all.records(6).sequence());
  EXPECT_EQ(spool->spooled(), 4u);
}

TEST(Spool, Restarts_NumbersOnlyGrow) {
  const TestDirectory directory;
  FakeClock clock;
  uint64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    auto spool = OpenSpool(directory, &clock);
    EXPECT_GE(spool->last_sequence(), last);
    spool->Add(wire::TestSession());
    const v1::Batch batch = WaitForRecords(*spool, 1);
    EXPECT_GT(batch.records(0).sequence(), last);
    last = batch.records(0).sequence();
    spool->Acknowledge(TestHost(), last);
    WaitForRecords(*spool, 0);
    clock.AdvanceNs(1'000'000);
  }
}

session::FileWriter TestWriter() {
  return {.path = "/etc/cron.d/backup",
          .device = 8,
          .inode = 9,
          .owner = 10,
          .session = wire::TestSessionId(4),
          .user = "staff",
          .origin = "198.51.100.9",
          .written_wall_ns = 11};
}

TEST(Spool, SavedState_IsLoadedByTheNextRun) {
  const TestDirectory directory;
  model::Session session = wire::TestSession();
  const model::HopEnd hop = wire::TestHopEnd();
  const session::FileWriter writer = TestWriter();
  {
    auto spool = OpenSpool(directory);
    EXPECT_TRUE(spool->TakeSavedState().sessions.empty());
    spool->SaveSession(session);
    session.user = "changed";
    spool->SaveSession(session);
    model::Session gone = session;
    gone.id = wire::TestSessionId(9);
    spool->SaveSession(gone);
    spool->RemoveSession(gone.id);
    spool->SaveMember({100, 1}, session.id);
    spool->SaveMember({101, 2}, session.id);
    spool->RemoveMember({101, 2});
    spool->SaveHop(hop);
    model::HopEnd other = hop;
    other.side = model::HopSide::kClient;
    spool->SaveHop(other);
    spool->RemoveHop(other.side, other.hop_key);
    spool->SaveFileWriter(writer);
    spool->SaveFileWriter({.path = "/etc/cron.d/gone", .session = session.id});
    spool->RemoveFileWriter("/etc/cron.d/gone", session.id);
  }
  const session::SavedState state = OpenSpool(directory)->TakeSavedState();
  EXPECT_EQ(state.file_writers, std::vector<session::FileWriter>{writer});
  ASSERT_EQ(state.sessions.size(), 1u);
  EXPECT_TRUE(state.sessions[0] == session);
  ASSERT_EQ(state.members.size(), 1u);
  EXPECT_EQ(state.members[0].first, (model::ProcessKey{100, 1}));
  EXPECT_EQ(state.members[0].second, session.id);
  ASSERT_EQ(state.open_hops.size(), 1u);
  EXPECT_TRUE(state.open_hops[0] == hop);
}

TEST(Spool, NewBoot_DropsSavedStateAndKeepsRecords) {
  const TestDirectory directory;
  {
    auto spool = OpenSpool(directory);
    spool->SaveSession(wire::TestSession());
    spool->SaveFileWriter(TestWriter());
    spool->Add(wire::TestSession());
    WaitForRecords(*spool, 1);
  }
  model::HostId rebooted = TestHost();
  rebooted.boot.bytes[5] = 7;
  Spool::Options options = TestOptions(directory);
  options.host = rebooted;
  auto spool = Spool::Open(options);
  ASSERT_TRUE(spool.ok()) << spool.status();
  const session::SavedState state = (*spool)->TakeSavedState();
  EXPECT_TRUE(state.sessions.empty());
  EXPECT_EQ(state.file_writers, std::vector<session::FileWriter>{TestWriter()});
  auto reader = SpoolReader::Open((*spool)->path());
  EXPECT_EQ(*reader->NextHost(rebooted), TestHost());
  EXPECT_EQ(reader->ReadAfter(TestHost(), 0, 1 << 20)->records_size(), 1);
  (*spool)->Acknowledge(TestHost(), INT64_MAX);
  for (int i = 0; i < 500 && (*spool)->spooled() > 0; ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_EQ(*reader->NextHost(rebooted), rebooted);
}

TEST(Spool, FullSpool_DropsOldestLowValueFirstAndReportsTheLoss) {
  const TestDirectory directory;
  Spool::Options options = TestOptions(directory);
  options.max_bytes = 1 << 20;
  auto spool = *Spool::Open(options);
  const model::Fact edge = wire::TestFacts()[3];
  for (int i = 0; i < 20; ++i) spool->Add(wire::TestSession());
  for (int i = 0; i < 12000; ++i) spool->Add(edge);
  // 20 sessions, what is left of the edges, and the losses: one record a second while any happen.
  uint64_t lost = 0;
  uint64_t edges = 0;
  int sessions = 0;
  // The report of a loss may need room in turn and drop more: wait until all losses are reported.
  for (int i = 0; i < 1000 && (edges + lost != 12000 || spool->losses().total() != lost); ++i) {
    absl::SleepFor(absl::Milliseconds(10));
    sessions = 0;
    edges = lost = 0;
    ForEachRecord(*spool, [&](const v1::Record& record) {
      sessions += record.has_session();
      edges += record.has_edge();
      if (!record.has_loss()) return;
      EXPECT_EQ(record.loss().loss().where(), "spool");
      EXPECT_EQ(record.loss().loss().type(), "edge");
      lost += record.loss().loss().count();
    });
  }
  EXPECT_EQ(sessions, 20);
  EXPECT_EQ(edges + lost, 12000u) << "each edge is kept or reported as lost";
  EXPECT_GT(lost, 1000u);
  EXPECT_LT(std::filesystem::file_size(spool->path()), size_t{3} << 20);
  EXPECT_EQ(spool->losses().total(), lost);
}

TEST(Spool, FullQueue_IsCountedAsLoss) {
  const TestDirectory directory;
  Spool::Options options = TestOptions(directory);
  options.queue_capacity = 1;
  auto spool = *Spool::Open(options);
  for (int i = 0; i < 5000; ++i) spool->Add(wire::TestSession());
  EXPECT_GT(spool->losses().total(), 0u);
}

TEST(Spool, LossAlone_IsReported) {
  const TestDirectory directory;
  auto spool = OpenSpool(directory);
  for (int i = 1; i <= 2; ++i) {
    absl::SleepFor(absl::Milliseconds(100));  // so that it waits
    spool->losses().Add("decode", "", 1, FakeClock().WallNs());
    EXPECT_EQ(WaitForRecords(*spool, i).records_size(), i);
  }
}

TEST(Spool, WaitForChange_ReturnsOnCommit) {
  const TestDirectory directory;
  auto spool = OpenSpool(directory);
  uint64_t mark = spool->WaitForChange(0, absl::Seconds(5));
  EXPECT_EQ(spool->WaitForChange(mark, absl::Milliseconds(20)), mark);
  const absl::Time begin = absl::Now();
  spool->Add(wire::TestSession());
  EXPECT_NE(spool->WaitForChange(mark, absl::Seconds(10)), mark);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
}

}  // namespace
}  // namespace hoptrail::agent::spool
