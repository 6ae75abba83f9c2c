#ifndef HOPTRAIL_COLLECTOR_BUS_CONFORMANCE_FACT_BUS_SUITE_H_
#define HOPTRAIL_COLLECTOR_BUS_CONFORMANCE_FACT_BUS_SUITE_H_

// The tests that every FactBus passes. An implementation's test includes this header and
// instantiates the suite:
//   INSTANTIATE_TEST_SUITE_P(InProcess, FactBusSuite, testing::Values(FactBusMaker{…}));

#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/bus/fact_bus.h"
#include "core/base/steady_time.h"

namespace hoptrail::collector::bus {

// Makes a bus that accepts at least `capacity` messages and is full at some larger number.
using FactBusMaker = std::function<std::unique_ptr<FactBus>(size_t capacity)>;

class RecordingSink final : public AgentSink {
 public:
  void OnAccepted(const Greeting&) override {}
  void Ask(const model::Incarnation&) override {}
  void OnConsumed() override {}
  void Acknowledge(uint64_t sequence) override { acknowledged.push_back(sequence); }
  void SendEndRequest(const model::HopKey&) override {}
  void SendProvenance(const model::Provenance&) override {}
  void End(const absl::Status&) override {}
  int64_t LastMessageBootNs() const override { return 0; }
  bool SaidGoodbye() const override { return false; }

  std::vector<uint64_t> acknowledged;
};

class FactBusSuite : public testing::TestWithParam<FactBusMaker> {
 protected:
  static model::HostId Host(uint8_t number) {
    model::HostId host;
    host.machine.bytes[0] = host.boot.bytes[0] = number;
    return host;
  }
  static FactBatch Batch(uint8_t host, std::shared_ptr<AgentSink> sink, uint64_t sequence) {
    model::LoginAttempt attempt;
    attempt.host = Host(host);
    return {Host(host), std::move(sink), {sequence}, {attempt}};
  }
  std::unique_ptr<FactBus> Make(size_t capacity = 1000) { return GetParam()(capacity); }
  // All present messages, each as (host, first sequence); 0 for a message that is no batch.
  static std::vector<std::pair<model::HostId, uint64_t>> Take(FactBus* bus) {
    std::vector<AgentMessage> messages;
    bus->Take(absl::ZeroDuration(), &messages);
    std::vector<std::pair<model::HostId, uint64_t>> taken;
    for (const AgentMessage& message : messages) {
      const auto* batch = std::get_if<FactBatch>(&message);
      const model::HostId host = std::visit([](const auto& each) { return each.host; }, message);
      taken.emplace_back(host, batch == nullptr ? 0 : batch->sequences.front());
    }
    return taken;
  }
};

TEST_P(FactBusSuite, MessagesOfAStream_AreTakenInOrder) {
  auto bus = Make();
  auto sink = std::make_shared<RecordingSink>();
  ASSERT_TRUE(bus->Publish(StreamOpened{Host(1), "gw", sink, 3}));
  ASSERT_TRUE(bus->Publish(Batch(1, sink, 1)));
  ASSERT_TRUE(bus->Publish(Batch(1, sink, 2)));
  ASSERT_TRUE(bus->Publish(StreamClosed{Host(1), sink}));
  std::vector<AgentMessage> messages;
  ASSERT_TRUE(bus->Take(absl::ZeroDuration(), &messages));
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(std::get<StreamOpened>(messages[0]).host_name, "gw");
  EXPECT_EQ(std::get<FactBatch>(messages[1]).sequences, std::vector<uint64_t>{1});
  EXPECT_EQ(std::get<FactBatch>(messages[1]).facts.size(), 1u);
  EXPECT_EQ(std::get<FactBatch>(messages[2]).sequences, std::vector<uint64_t>{2});
  EXPECT_EQ(std::get<StreamClosed>(messages[3]).sink, std::get<FactBatch>(messages[1]).sink)
      << "one sink for all messages of a stream";
}

TEST_P(FactBusSuite, FullBus_RefusesMessagesAndLosesNone) {
  auto bus = Make(4);
  auto sink = std::make_shared<RecordingSink>();
  uint64_t accepted = 0;
  FactBatch refused;
  for (uint64_t sequence = 1; sequence < 1'000'000; ++sequence) {
    AgentMessage message = Batch(1, sink, sequence);
    if (!bus->Publish(std::move(message))) {
      refused = std::get<FactBatch>(message);
      break;
    }
    accepted = sequence;
  }
  ASSERT_GE(accepted, 4u);
  EXPECT_EQ(refused.sequences, std::vector<uint64_t>{accepted + 1}) << "the bus left it unchanged";
  const auto taken = Take(bus.get());
  ASSERT_EQ(taken.size(), accepted);
  for (uint64_t i = 0; i < accepted; ++i) EXPECT_EQ(taken[i].second, i + 1);
  EXPECT_TRUE(bus->Publish(std::move(refused))) << "there is room again";
}

TEST_P(FactBusSuite, Acknowledgement_ReachesOnlyItsStream) {
  auto bus = Make();
  auto one = std::make_shared<RecordingSink>();
  auto other = std::make_shared<RecordingSink>();
  ASSERT_TRUE(bus->Publish(Batch(1, one, 5)));
  ASSERT_TRUE(bus->Publish(Batch(2, other, 7)));
  std::vector<AgentMessage> messages;
  ASSERT_TRUE(bus->Take(absl::ZeroDuration(), &messages));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(one->acknowledged, testing::IsEmpty())
      << "a message that was taken is not yet durable";
  bus->Acknowledge(std::get<FactBatch>(messages[0]).sink, 5);
  EXPECT_THAT(one->acknowledged, testing::ElementsAre(5));
  EXPECT_THAT(other->acknowledged, testing::IsEmpty());
}

TEST_P(FactBusSuite, ClosedBus_RefusesMessagesAndReturnsAcceptedOnes) {
  auto bus = Make();
  auto sink = std::make_shared<RecordingSink>();
  ASSERT_TRUE(bus->Publish(Batch(1, sink, 1)));
  bus->Close();
  EXPECT_FALSE(bus->Publish(Batch(1, sink, 2)));
  std::vector<AgentMessage> messages;
  EXPECT_TRUE(bus->Take(absl::ZeroDuration(), &messages));
  EXPECT_EQ(messages.size(), 1u);
  EXPECT_FALSE(bus->Take(absl::Seconds(60), &messages)) << "it does not wait, and stays closed";
  EXPECT_EQ(messages.size(), 1u);
}

TEST_P(FactBusSuite, TakeFromEmptyBus_WaitsForMessageOrWake) {
  auto bus = Make();
  std::vector<AgentMessage> messages;
  EXPECT_TRUE(bus->Take(absl::ZeroDuration(), &messages)) << "an empty bus is not a closed one";
  std::thread publisher([&bus] { bus->Publish(Batch(1, std::make_shared<RecordingSink>(), 1)); });
  while (messages.empty()) ASSERT_TRUE(bus->Take(absl::Seconds(60), &messages));
  publisher.join();
  EXPECT_EQ(messages.size(), 1u);
  bus->Wake();
  const SteadyTime before = SteadyTime::Now();
  EXPECT_TRUE(bus->Take(absl::Seconds(60), &messages));
  EXPECT_LT(SteadyTime::Now() - before, absl::Seconds(30));
  EXPECT_EQ(messages.size(), 1u);
}

TEST_P(FactBusSuite, ConcurrentStreams_LoseNothingAndKeepTheirOrder) {
  constexpr uint8_t kStreams = 8;
  constexpr uint64_t kMessages = 500;
  auto bus = Make(100);
  std::vector<std::thread> streams;
  for (uint8_t stream = 1; stream <= kStreams; ++stream) {
    streams.emplace_back([&bus, stream] {
      auto sink = std::make_shared<RecordingSink>();
      for (uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
        while (!bus->Publish(Batch(stream, sink, sequence))) std::this_thread::yield();
      }
    });
  }
  std::map<model::HostId, uint64_t> last;
  size_t taken = 0;
  while (taken < kStreams * kMessages) {
    std::vector<AgentMessage> messages;
    ASSERT_TRUE(bus->Take(absl::Seconds(60), &messages));
    for (const AgentMessage& message : messages) {
      const FactBatch& batch = std::get<FactBatch>(message);
      EXPECT_EQ(batch.sequences.front(), last[batch.host] + 1);
      last[batch.host] = batch.sequences.front();
      ++taken;
    }
  }
  for (std::thread& stream : streams) stream.join();
  EXPECT_EQ(last.size(), kStreams);
}

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_CONFORMANCE_FACT_BUS_SUITE_H_
