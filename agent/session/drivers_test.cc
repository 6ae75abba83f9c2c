#include "agent/session/drivers.h"

#include "gmock/gmock.h"

#include "agent/session/correlator.h"
#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::HopSide;
using testing::IsEmpty;
using testing::SizeIs;

// A service on port 8080 that serves everything in one process.
class DriversTest : public CorrelatorFixture {
 protected:
  ProcessKey StartService() {
    const ProcessKey service = kernel_.Fork(kernel_.init());
    kernel_.Exec(service, "/usr/bin/shop");
    kernel_.Listen(service, 8080);
    return service;
  }
  uint64_t Serve(ProcessKey service, uint16_t client_port) {
    const uint64_t socket = kernel_.Arrive(
        {FakeKernel::Address("198.51.100.9", client_port), FakeKernel::Address("192.0.2.1", 8080)});
    kernel_.Accept(service, socket, /*first_use=*/false);
    return socket;
  }
  static model::HopKey KeyOf(uint64_t accepted) {
    return {static_cast<uint32_t>(accepted) * 7, static_cast<uint32_t>(accepted)};
  }
  // The last report of a server's end on port 8080; null if there is none.
  const model::HopEnd* Served() const {
    const model::HopEnd* last = nullptr;
    for (const model::HopEnd& hop : hops_) {
      if (hop.side == HopSide::kServer && hop.flow.server.port == 8080) last = &hop;
    }
    return last;
  }
};

TEST_F(DriversTest, ConnectOfAServiceWhileItServesOne_NamesItAndReportsItFirst) {
  const ProcessKey service = StartService();
  const uint64_t in = Serve(service, 40001);
  EXPECT_THAT(hops_, IsEmpty()) << "an unwatched port of a service";
  kernel_.Connect(service, "203.0.113.7", 22);
  ASSERT_THAT(hops_, SizeIs(2));
  EXPECT_EQ(hops_[0].hop_key, KeyOf(in));
  EXPECT_TRUE(hops_[0].drives);
  EXPECT_FALSE(hops_[0].opened_session);
  EXPECT_EQ(hops_[0].session, Id(service));
  ASSERT_THAT(hops_[1].drivers, SizeIs(1));
  EXPECT_EQ(hops_[1].drivers[0].hop_key, KeyOf(in));
  EXPECT_DOUBLE_EQ(hops_[1].drivers[0].probability, 0.9);
  EXPECT_EQ(hops_[1].session, Id(service));
}

// As on kernels where an accept is seen at the first use of the socket.
TEST_F(DriversTest, AcceptSeenAfterTheConnectThatItCaused_IsStillItsDriver) {
  const ProcessKey service = StartService();
  kernel_.Connect(service, "203.0.113.6", 22);  // before
  const uint64_t in = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 40001), FakeKernel::Address("192.0.2.1", 8080)});
  kernel_.Connect(service, "203.0.113.7", 22);
  ASSERT_THAT(hops_, SizeIs(2));
  kernel_.Accept(service, in, /*first_use=*/true);
  ASSERT_THAT(hops_, SizeIs(4));
  EXPECT_EQ(hops_[2].hop_key, KeyOf(in));
  EXPECT_TRUE(hops_[2].drives);
  EXPECT_EQ(hops_[3].hop_key, hops_[1].hop_key);
  ASSERT_THAT(hops_[3].drivers, SizeIs(1));
  kernel_.Accept(service,
                 kernel_.Arrive({FakeKernel::Address("198.51.100.9", 40002),
                                 FakeKernel::Address("192.0.2.1", 8080)}),
                 true);
  ASSERT_THAT(hops_, SizeIs(6));
  EXPECT_FALSE(hops_.back().drivers.front().later);
  EXPECT_TRUE(hops_.back().drivers.back().later) << "it may use what the service has made before";
}

TEST_F(DriversTest, ThreeConnectionsServed_EachIsAThirdAsLikely) {
  const ProcessKey service = StartService();
  for (uint16_t port = 1; port <= 3; ++port) Serve(service, port);
  kernel_.Connect(service, "203.0.113.7", 22);
  ASSERT_FALSE(hops_.empty());
  ASSERT_THAT(hops_.back().drivers, SizeIs(3));
  EXPECT_DOUBLE_EQ(hops_.back().drivers[0].probability, 0.9 / 3);
}

TEST_F(DriversTest, ConnectionClosedBefore_DrivesForTwoSecondsMore) {
  const ProcessKey service = StartService();
  const uint64_t in = Serve(service, 40001);
  kernel_.Close(in);
  kernel_.Connect(service, "203.0.113.7", 22);
  ASSERT_FALSE(hops_.empty());
  EXPECT_THAT(hops_.back().drivers, SizeIs(1));
  ASSERT_NE(Served(), nullptr);
  EXPECT_NE(Served()->closed_wall_ns, 0) << "the end is reported as it was closed";
  clock_.AdvanceNs(3'000'000'000);
  kernel_.Connect(service, "203.0.113.8", 22);
  EXPECT_THAT(hops_.back().drivers, IsEmpty());
}

TEST_F(DriversTest, ProgramStartedWhileServing_CarriesTheDriver) {
  const ProcessKey service = StartService();
  const uint64_t first = Serve(service, 40001);
  kernel_.Close(first);
  clock_.AdvanceNs(3'000'000'000);
  const uint64_t in = Serve(service, 40002);
  kernel_.Connect(service, "203.0.113.9", 443);  // forgets nothing
  const ProcessKey shell = kernel_.Fork(service);
  kernel_.Exec(shell, "/bin/sh");
  const ProcessKey ssh = kernel_.Fork(shell);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  kernel_.Connect(ssh, "203.0.113.7", 22);
  ASSERT_FALSE(hops_.empty());
  ASSERT_THAT(hops_.back().drivers, SizeIs(1));
  EXPECT_EQ(hops_.back().drivers[0].hop_key, KeyOf(in));
}

TEST_F(DriversTest, ServersChildForItsConnection_HasASessionOfItsOwnOnceItGoesOn) {
  const ProcessKey service = StartService();
  const uint64_t in = Serve(service, 40001);
  const ProcessKey child = kernel_.Fork(service);
  const ProcessKey shell = kernel_.Fork(child);
  kernel_.Exec(shell, "/bin/sh");
  kernel_.Connect(shell, "203.0.113.7", 22);
  ASSERT_THAT(Hops(HopSide::kClient), SizeIs(1));
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(child));
  EXPECT_THAT(Hops(HopSide::kClient)[0].drivers, IsEmpty());
  ASSERT_NE(Served(), nullptr);
  EXPECT_EQ(Served()->hop_key, KeyOf(in));
  EXPECT_TRUE(Served()->opened_session);
}

TEST_F(DriversTest, ProgramForAConnection_IsDrivenByThatOneOnly) {
  const ProcessKey service = StartService();
  Serve(service, 40001);
  kernel_.Fork(service);
  const uint64_t second = Serve(service, 40002);
  const ProcessKey child = kernel_.Fork(service);
  kernel_.Exec(child, "/usr/bin/ssh");
  kernel_.Connect(child, "203.0.113.7", 22);
  ASSERT_FALSE(hops_.empty());
  ASSERT_THAT(hops_.back().drivers, SizeIs(1));
  EXPECT_EQ(hops_.back().drivers[0].hop_key, KeyOf(second));
}

TEST_F(DriversTest, SshdConnectsForItsClient_IsDrivenByItsEntry) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(40001), /*tier1=*/true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff", 40001));
  kernel_.Connect(child, "203.0.113.7", 5432);
  ASSERT_THAT(Hops(HopSide::kClient), SizeIs(1));
  ASSERT_THAT(Hops(HopSide::kClient)[0].drivers, SizeIs(1));
  EXPECT_EQ(Hops(HopSide::kClient)[0].drivers[0].hop_key, Hops(HopSide::kServer)[0].hop_key);
  EXPECT_TRUE(Hops(HopSide::kServer).back().drives);
}

// ssh -R: the login's own process accepts, and what comes leaves over the entry.
TEST_F(DriversTest, SshdAcceptsForItsClient_TheEntryIsDrivenLater) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(40001), /*tier1=*/true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff", 40001));
  clock_.AdvanceNs(5'000'000'000);
  kernel_.Listen(child, 8080);
  const uint64_t in = Serve(child, 40002);
  ASSERT_NE(Served(), nullptr);
  EXPECT_TRUE(Served()->drives);
  const model::HopEnd entry = hops_.back();
  EXPECT_EQ(entry.flow.server.port, 22);
  ASSERT_THAT(entry.drivers, SizeIs(1));
  EXPECT_EQ(entry.drivers[0].hop_key, KeyOf(in));
  EXPECT_TRUE(entry.drivers[0].later);
}

TEST_F(DriversTest, Login_IsNotDrivenByItsOwnEntry) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(40001), /*tier1=*/true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff", 40001));
  const ProcessKey shell = kernel_.Fork(child);
  kernel_.Exec(shell, "/usr/bin/ssh");
  kernel_.Connect(shell, "203.0.113.7", 22);
  ASSERT_THAT(Hops(HopSide::kClient), SizeIs(1));
  EXPECT_THAT(Hops(HopSide::kClient)[0].drivers, IsEmpty());
}

// The service's end of a connection is reported when the collector asks, with what it caused.
TEST_F(DriversTest, AskedEnd_IsReportedWithWhatItCausedToAnyPort) {
  const ProcessKey service = StartService();
  const uint64_t in = Serve(service, 40001);
  const uint64_t before = kernel_.Connect(service, "203.0.113.7", 5432);
  EXPECT_THAT(hops_, IsEmpty());
  correlator_->ReportAsked(KeyOf(in));
  ASSERT_THAT(hops_, SizeIs(2));
  EXPECT_EQ(hops_[0].hop_key, KeyOf(in));
  EXPECT_EQ(hops_[1].flow.server.port, 5432);
  kernel_.Connect(service, "203.0.113.8", 5432);
  ASSERT_THAT(hops_, SizeIs(3)) << "from now on at once";
  kernel_.Close(before);
  EXPECT_THAT(hops_, SizeIs(4));
}

TEST_F(DriversTest, AskedEndThatIsClosed_IsReportedWithItsBytes) {
  const ProcessKey service = StartService();
  const uint64_t in = Serve(service, 40001);
  kernel_.Close(in);
  correlator_->ReportAsked(KeyOf(in));
  ASSERT_THAT(hops_, SizeIs(1));
  EXPECT_NE(hops_[0].closed_wall_ns, 0);
  correlator_->ReportAsked({12345, 6});
  EXPECT_THAT(hops_, SizeIs(1)) << "an unknown key";
}

TEST_F(DriversTest, ReverseShell_IsDrivenByTheConnectionThatItMade) {
  const ProcessKey service = StartService();
  const ProcessKey shell = kernel_.Fork(service);
  const uint64_t out = kernel_.Connect(shell, "203.0.113.66", 4444);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(kernel_.Tcp(out)));
  const ProcessKey ssh = kernel_.Fork(shell);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  kernel_.Connect(ssh, "203.0.113.7", 22);
  ASSERT_THAT(hops_, SizeIs(2));
  EXPECT_EQ(hops_[0].side, HopSide::kClient);
  EXPECT_EQ(hops_[0].flow.server.port, 4444);
  EXPECT_TRUE(hops_[0].drives);
  ASSERT_THAT(hops_[1].drivers, SizeIs(1));
  EXPECT_EQ(hops_[1].drivers[0].hop_key, hops_[0].hop_key);
}

}  // namespace
}  // namespace hoptrail::agent::session
