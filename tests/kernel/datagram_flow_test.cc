// To which flow a datagram is counted, and what holds when there are many.

#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "tests/kernel/datagram_helpers.h"
#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {
namespace {

TEST(DatagramFlowTest, EachProcess_HasItsOwnFlow) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd shared = Socket("127.0.0.1", 0);
  const uint16_t port = PortOf(receiver);
  ASSERT_EQ(SendTo(shared, "127.0.0.1", port, "parent"), 6);
  Child child([&] {
    if (setresuid(65534, 65534, 65534) != 0) return 1;
    return SendTo(shared, "127.0.0.1", port, "a child") == 7 ? 0 : 1;
  });
  const auto child_pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  WaitForPackets(&recorder, To("127.0.0.1", port), 2);
  const auto by = [&](uint32_t pid) {
    return Sum(recorder,
               [&, to = To("127.0.0.1", port)](const Event& event, const DatagramFlow& flow) {
                 return event.header.process.tgid == pid && to(event, flow);
               });
  };
  EXPECT_EQ(by(static_cast<uint32_t>(getpid())).bytes, 6u);
  EXPECT_EQ(by(child_pid).bytes, 7u);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    EXPECT_EQ(event->header.credentials.euid,
              event->header.process.tgid == child_pid ? 65534u : 0u);
  }
}

TEST(DatagramFlowTest, SendByAThread_IsCreditedToItsProcess) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  const uint16_t port = PortOf(receiver);
  std::thread([&] { EXPECT_EQ(SendTo(sender, "127.0.0.1", port, "thread"), 6); }).join();
  EXPECT_EQ(WaitForPackets(&recorder, To("127.0.0.1", port), 1).bytes, 6u);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
  }
}

TEST(DatagramFlowTest, AnswersOfAServer_AreCountedUnderItsPort) {
  Recorder recorder(Quick());
  constexpr uint16_t kServicePort = 5300;
  const UniqueFd server = Socket("127.0.0.1", 0, /*bind_it=*/true, kServicePort);
  uint64_t answers = 0;
  for (int i = 0; i < 5; ++i) {
    const UniqueFd client = Socket("127.0.0.1", 0);
    ASSERT_EQ(SendTo(client, "127.0.0.1", kServicePort, "question"), 8);
    if (PortOf(client) < 32'768) continue;  // the host's range begins elsewhere
    ASSERT_EQ(SendTo(server, "127.0.0.1", PortOf(client), "answer"), 6);
    ++answers;
  }
  const Total questions = WaitForPackets(&recorder, To("127.0.0.1", kServicePort), 5);
  EXPECT_EQ(questions.packets, 5u);
  ASSERT_GT(answers, 0u);
  const Match answered = [&](const Event&, const DatagramFlow& flow) {
    return flow.local_port == kServicePort;
  };
  EXPECT_EQ(WaitForPackets(&recorder, answered, answers).packets, answers);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    if (answered(*event, *flow)) {
      EXPECT_EQ(flow->peer, (model::Endpoint{*model::ParseIpAddress("127.0.0.1"), 0}));
    }
  }
}

TEST(DatagramFlowTest, Flood_IsCountedWholeInFewRecords) {
  // Long enough that the flood takes few intervals.
  Recorder recorder({.datagram_interval = absl::Seconds(1)});
  const auto packets = static_cast<uint64_t>(Rounds(50'000));
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const uint16_t port = PortOf(receiver);
  constexpr int kSenders = 2;
  std::vector<std::unique_ptr<Child>> senders;
  for (int i = 0; i < kSenders; ++i) {
    senders.push_back(std::make_unique<Child>([&] {
      const UniqueFd sender = Socket("127.0.0.1", 0);
      if (!ConnectTo(sender, "127.0.0.1", port)) return 1;
      const std::string data(100, 'x');
      for (uint64_t sent = 0; sent < packets; ++sent) {
        if (send(sender.get(), data.data(), data.size(), 0) != 100) return 2;
      }
      return 0;
    }));
  }
  const absl::Time begun = absl::Now();
  for (auto& sender : senders) EXPECT_EQ(sender->Wait(), 0);
  // A kernel that preempts programs has recursion misses, each of which may leave out one packet.
  const uint64_t least = kSenders * packets - recorder.Lost("datagram_flow");
  const Total total = WaitForPackets(&recorder, To("127.0.0.1", port), least);
  EXPECT_GE(total.packets, least);
  EXPECT_LE(total.packets, kSenders * packets);
  EXPECT_EQ(total.bytes, total.packets * 100);
  // One record for the first packet, then one an interval.
  const auto seconds = static_cast<uint64_t>(absl::ToDoubleSeconds(absl::Now() - begun));
  EXPECT_LE(total.records, kSenders * (seconds + 3));
}

TEST(DatagramFlowTest, MorePeersThanTheTableHolds_AreCountedTogether) {
  Recorder recorder({.max_flows = 64, .datagram_interval = absl::Seconds(1)});
  const UniqueFd sender = Socket("127.0.0.1", 0);
  constexpr uint64_t kPeers = 500;
  for (uint64_t i = 0; i < kPeers; ++i) {
    const std::string peer = "127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    // No process receives it. The ICMP error may fail the next send, which then sends nothing.
    while (SendTo(sender, peer, 9, "probe") != 5) ASSERT_EQ(errno, ECONNREFUSED);
  }
  const Total total = WaitForPackets(&recorder, AnyFlow, kPeers);
  EXPECT_EQ(total.packets, kPeers);
  EXPECT_EQ(total.bytes, 5 * kPeers);
  const Total together = Sum(recorder, [](const Event&, const DatagramFlow& flow) {
    return flow.peer == model::Endpoint{};
  });
  EXPECT_GT(together.packets, 0u);
  EXPECT_EQ(recorder.Lost("datagram_flow"), 0u);
}

TEST(DatagramFlowTest, FullRing_KeepsTheCountForALaterRecord) {
  Recorder recorder({.low_ring_bytes = 4096, .datagram_interval = absl::Milliseconds(100)});
  const UniqueFd sender = Socket("127.0.0.1", 0);
  constexpr uint64_t kPeers = 200;  // their first records alone fill the ring many times
  for (uint64_t i = 0; i < kPeers; ++i) {
    const std::string peer = "127.2.0." + std::to_string(1 + i);
    while (SendTo(sender, peer, 9, "probe") != 5) ASSERT_EQ(errno, ECONNREFUSED);
  }
  // Makes room in the ring, also for the marker that Settle() waits for.
  recorder.WaitForBody<DatagramFlow>("the first flow", AnyFlow);
  EXPECT_EQ(WaitForPackets(&recorder, AnyFlow, kPeers).packets, kPeers);
  EXPECT_EQ(recorder.Lost("datagram_flow"), 0u);
}

TEST(DatagramFlowTest, SendInAnotherNetworkNamespace_EmitsNothing) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const uint16_t port = PortOf(receiver);
  Child elsewhere([&] {
    if (!EnterNewNetworkNamespace()) return 1;
    const UniqueFd other = Socket("127.0.0.1", 0);
    if (SendTo(other, "127.0.0.1", port, "elsewhere") != 9) return 2;
    return 0;
  });
  EXPECT_EQ(elsewhere.Wait(), 0);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  ASSERT_EQ(SendTo(sender, "127.0.0.1", port, "here"), 4);
  EXPECT_EQ(WaitForPackets(&recorder, To("127.0.0.1", port), 1).bytes, 4u);
  EXPECT_EQ(Sum(recorder, AnyFlow).packets, 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
