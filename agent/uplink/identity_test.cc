// Several agents hold one identity: how this one stays, or becomes, a host of its own.

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/uplink/fake_collector.h"
#include "agent/uplink/uplink.h"
#include "core/base/bounded_queue.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::uplink {
namespace {

using spool::Spool;
using testing::HasSubstr;

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() { collector_.incarnation = Made(7); }

  static v1::Incarnation Made(uint64_t counter) {
    model::Incarnation incarnation{counter, {}};
    incarnation.nonce.bytes.fill(static_cast<uint8_t>(counter));
    return wire::ToProto(incarnation);
  }
  static model::HostId OtherBoot(uint8_t number) {
    model::HostId host = wire::TestHost();
    host.boot.bytes.fill(number);
    return host;
  }

  void OpenSpool(const std::string& path = "", const model::HostId& host = wire::TestHost()) {
    spool_.reset();
    Spool::Options options = spool::TestOptions(directory_);
    options.host = host_ = host;
    if (!path.empty()) options.path = path;
    spool_ = *Spool::Open(options);
  }
  std::unique_ptr<Uplink> Open() {
    if (spool_ == nullptr) OpenSpool();
    Uplink::Options options;
    options.collector.set_address(address_);
    options.host = host_;
    options.spool = spool_.get();
    options.on_provenance = [](model::Provenance) {};
    options.on_assumed = [this](const model::HostId& host) {
      assumed_.TryPush(model::HostId(host));
    };
    return std::make_unique<Uplink>(std::move(options));
  }

  spool::TestDirectory directory_;
  const std::string address_ = "unix:" + directory_.path() + "/collector.sock";
  FakeCollector collector_{address_};
  model::HostId host_ = wire::TestHost();
  std::unique_ptr<Spool> spool_;
  BoundedQueue<model::HostId> assumed_{10};
};

TEST_F(IdentityTest, ConfirmedIncarnation_IsShownInTheNextHello) {
  {
    auto uplink = Open();
    ASSERT_TRUE(collector_.WaitForConfirmed(1));
  }
  EXPECT_FALSE(collector_.hellos()[0].has_incarnation());
  EXPECT_EQ(collector_.confirmed()[0].SerializeAsString(), Made(7).SerializeAsString());
  collector_.incarnation = Made(8);
  OpenSpool();  // another run
  auto uplink = Open();
  ASSERT_TRUE(collector_.WaitForConfirmed(2));
  EXPECT_EQ(collector_.hellos()[1].incarnation().SerializeAsString(), Made(7).SerializeAsString());
  EXPECT_FALSE(collector_.hellos()[1].backlog());
  EXPECT_EQ(collector_.confirmed()[1].counter(), 8u);
}

TEST_F(IdentityTest, PresenceQuestion_IsAnsweredWithTheIncarnation) {
  *collector_.after_welcome.mutable_incarnation() = Made(9);
  auto uplink = Open();
  ASSERT_TRUE(collector_.WaitForConfirmed(1));
  // Both answers at once, or one after the other: the last one is the latest.
  for (int i = 0; i < 500 && collector_.confirmed().back().counter() != 9; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(collector_.confirmed().back().counter(), 9u);
  EXPECT_EQ(spool_->marks().Get().incarnation.counter, 9u);
}

// An agent that cannot save it must not confirm it: its next run would be taken for another agent.
TEST_F(IdentityTest, UnwritableMarks_ConfirmNoIncarnation) {
  OpenSpool("/proc/nowhere/spool.db");
  {
    auto uplink = Open();
    ASSERT_TRUE(collector_.WaitForConfirmed(1));
  }
  EXPECT_EQ(collector_.confirmed()[0].counter(), 0u) << "it answers all the same";
  auto uplink = Open();
  ASSERT_TRUE(collector_.WaitForHellos(2));
  EXPECT_FALSE(collector_.hellos()[1].has_incarnation());
}

TEST_F(IdentityTest, AssumedHost_IsUsedFromTheNextRunOn) {
  OpenSpool();
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  const uint64_t first = spool::Waiting(*spool_)[0].sequence();
  collector_.SetAcknowledged(wire::ResourceName(host_), first + 1);
  const model::HostId other = OtherBoot(9);
  collector_.assumed[wire::ResourceName(host_)] = wire::ResourceName(other);
  std::vector<model::HostId> assumed;
  {
    auto uplink = Open();
    ASSERT_TRUE(assumed_.PopAll(absl::Seconds(20), &assumed));
    absl::SleepFor(absl::Milliseconds(600));
  }
  ASSERT_EQ(assumed.size(), 1u);
  EXPECT_EQ(assumed[0], other);
  EXPECT_EQ(collector_.hellos().size(), 1u) << "it does not try again";
  EXPECT_TRUE(collector_.received().empty());
  // The next run starts with an empty spool, and counts the records that will never be sent.
  const spool::Marks marks = spool_->marks().Get();
  EXPECT_EQ(spool::SpokenFor(marks, host_), other);
  const model::HostId own = host_;
  OpenSpool("", other);
  EXPECT_EQ(spool_->losses().total(), 3u);
  auto uplink = Open();
  ASSERT_TRUE(collector_.WaitForConfirmed(1));
  EXPECT_THAT(collector_.hellos()[1].host(), HasSubstr(model::ToString(other)));
  EXPECT_FALSE(collector_.hellos()[1].has_incarnation()) << "it was another host's";
  // All later runs in this boot do so, too.
  EXPECT_EQ(spool::SpokenFor(spool_->marks().Get(), own), other);
}

TEST_F(IdentityTest, AssumedHostOfAnotherMachine_IsRefused) {
  model::HostId foreign = OtherBoot(9);
  foreign.machine.bytes.fill(9);
  for (const model::HostId& host : {foreign, wire::TestHost()}) {
    collector_.assumed[wire::ResourceName(host_)] = wire::ResourceName(host);
    testing::internal::CaptureStderr();
    {
      auto uplink = Open();
      ASSERT_TRUE(collector_.WaitForHellos(collector_.hellos().size() + 2));
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("broke the protocol"));
  }
  EXPECT_EQ(spool::SpokenFor(spool_->marks().Get(), host_), host_);
}

// The disk was copied while the machine ran. That machine still runs, and sends those records
// itself.
TEST_F(IdentityTest, EarlierBootClaimedByAnotherAgent_ItsRecordsAreGivenUp) {
  OpenSpool("", OtherBoot(3));
  for (int i = 0; i < 4; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  collector_.assumed[wire::ResourceName(OtherBoot(3))] = wire::ResourceName(OtherBoot(4));
  OpenSpool();
  auto uplink = Open();
  ASSERT_TRUE(collector_.WaitForHellos(2));
  EXPECT_TRUE(collector_.hellos()[0].backlog());
  EXPECT_THAT(collector_.hellos()[1].host(), HasSubstr(model::ToString(wire::TestHost())));
  spool_->Add(wire::TestHopEnd());
  uint64_t lost = 0;
  for (int i = 0; i < 1000 && lost == 0; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
    for (const v1::Record& record : collector_.received()) lost += record.loss().loss().count();
  }
  EXPECT_EQ(lost, 4u);
  std::vector<model::HostId> assumed;
  assumed_.PopAll(absl::ZeroDuration(), &assumed);
  EXPECT_TRUE(assumed.empty()) << "the present boot is its own";
}

}  // namespace
}  // namespace hoptrail::agent::uplink
