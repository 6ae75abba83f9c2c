// A ring that is full: what is missing is counted, and the count is right.

#include <unistd.h>

#include <numeric>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;
using agent::decode::Lost;

uint64_t LossesOf(Recorder* recorder, const std::string& where, const std::string& type) {
  uint64_t count = 0;
  for (const auto& loss : recorder->sensor()->ReadLosses()) {
    if (loss.where == where && loss.type == type) count += loss.count;
  }
  return count;
}

TEST(LossTest, WhatIsMissingIsCounted) {
  constexpr uint64_t kChildren = 200;
  Recorder recorder({.low_ring_bytes = 4096});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (uint64_t i = 0; i < kChildren; ++i) Child([] { return 0; }).Wait();
  recorder.WaitForBody<Lost>("loss", [](const Event&, const Lost&) { return true; });
  // There is room again for what Settle waits for.
  recorder.Settle();
  // For want of room, or refused shortly before: nothing else is counted here.
  const uint64_t lost_forks =
      LossesOf(&recorder, "ring/low", "fork") + LossesOf(&recorder, "budget/low", "fork");
  const uint64_t lost_exits =
      LossesOf(&recorder, "ring/low", "exit") + LossesOf(&recorder, "budget/low", "exit");
  EXPECT_GT(lost_forks, 0u);
  // The marker's own fork and exit are told.
  EXPECT_EQ(recorder.All<Fork>().size() + lost_forks, kChildren + 1);
  EXPECT_EQ(recorder.All<Exit>().size() + lost_exits, kChildren + 1);

  uint64_t told_forks = 0;
  for (const auto& [event, lost] : recorder.All<Lost>()) {
    EXPECT_EQ(lost->ring, "low");
    if (lost->type == "fork") told_forks += lost->count;
  }
  EXPECT_EQ(told_forks, lost_forks);
}

TEST(LossTest, AFloodOfForksCostsTheHighRingNothing) {
  Recorder recorder({.low_ring_bytes = 4096, .watched_ports = {}});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (int i = 0; i < 100; ++i) Child([] { return 0; }).Wait();
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.server.get(), 1));
  EXPECT_GT(LossesOf(&recorder, "ring/low", "fork") + LossesOf(&recorder, "budget/low", "fork"),
            0u);
  EXPECT_NE(recorder.WaitForBody<agent::decode::Accept>(
                "accept", [](const Event&, const agent::decode::Accept&) { return true; }),
            nullptr);
  for (const auto& loss : recorder.sensor()->ReadLosses()) {
    EXPECT_EQ(loss.where.find("high"), std::string::npos) << loss.where;
  }
}

TEST(LossTest, WatchedPortsGoToTheHighRing) {
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  Recorder recorder({.low_ring_bytes = 4096, .watched_ports = {port}});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (int i = 0; i < 100; ++i) Child([] { return 0; }).Wait();
  { const UniqueFd client = Connect("127.0.0.1", port); }
  for (auto phase : {agent::decode::TcpPhase::kConnect, agent::decode::TcpPhase::kEstablished}) {
    recorder.WaitForBody<agent::decode::Tcp>(
        "the connection", [&](const Event&, const agent::decode::Tcp& tcp) {
          return tcp.phase == phase && tcp.flow.server.port == port;
        });
  }
}

TEST(LossTest, ATableThatIsFullIsCounted) {
  Recorder recorder({.max_sockets = 64});
  ASSERT_NE(recorder.sensor(), nullptr);
  std::vector<TcpPair> pairs;
  for (int i = 0; i < 64; ++i) pairs.push_back(ConnectedPair("127.0.0.1"));
  uint64_t lost = 0;
  for (const auto& loss : recorder.sensor()->ReadLosses()) {
    if (loss.where == "table/sockets") lost += loss.count;
  }
  EXPECT_GT(lost, 0u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
