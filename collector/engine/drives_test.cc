// Paths through services and relays: what a session does because of a connection that it serves.

#include "collector/engine/drives.h"

#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Somebody logs in to desk, whose session connects to a service of web, which goes on to db.
class DrivesTest : public EngineTest {
 protected:
  DrivesTest() {
    story_.AddHost("desk", 0, {"10.0.0.1"});
    story_.AddHost("web", 5 * kSecond, {"10.0.0.2"});
    story_.AddHost("db", 0, {"10.0.0.3"});
    staff_ = story_.Login("desk", "staff", "192.0.2.9", 1);
    service_ = story_.MakeSession("web", "www-data", 0, model::EntryKind::kService);
    service_.logged_in = false;
    service_.unit = "shop.service";
    story_.Report("web", service_);
  }

  // A connection from a session to the service. Its server's end is `drives`.
  model::HopKey Connect(const model::Session& from, const std::string& from_host,
                        const std::string& address, int second, bool drives = true) {
    const model::HopKey key = story_.NextKey();
    const model::Flow flow{{Address(address), static_cast<uint16_t>(41000 + second)},
                           {Address("10.0.0.2"), 8080}};
    model::HopEnd client = story_.End(from_host, model::HopSide::kClient, key, flow, second);
    client.session = from.id;
    story_.Report(from_host, client);
    model::HopEnd server = story_.End("web", model::HopSide::kServer, key, flow, second);
    server.session = service_.id;
    server.drives = drives;
    story_.Report("web", server);
    return key;
  }

  // The service logs in to db, for one of `drivers`.
  model::Session LoginToDb(int second, const model::Drivers& drivers) {
    const model::HopKey key = story_.NextKey();
    const model::Flow flow{{Address("10.0.0.2"), static_cast<uint16_t>(42000 + second)},
                           {Address("10.0.0.3"), 22}};
    model::HopEnd client = story_.End("web", model::HopSide::kClient, key, flow, second);
    client.session = service_.id;
    client.drivers = drivers;
    story_.Report("web", client);
    model::Session session = story_.MakeSession("db", "root", second);
    session.entry = model::Entry{key, flow, Story::Boot("db", second)};
    story_.Report("db", session);
    model::HopEnd server = story_.End("db", model::HopSide::kServer, key, flow, second);
    server.session = session.id;
    server.opened_session = true;
    story_.Report("db", server);
    return session;
  }

  Path PathAfterAll(const model::Session& session) {
    Run(&engine_, story_.in_order(), &store_);
    return engine_.PathOf(session.id);
  }

  std::vector<model::SessionId> LineTo(const Path& path, const model::SessionId& session) const {
    std::vector<model::SessionId> line;
    for (size_t i = 0; i < path.steps.size(); ++i) {
      if (path.steps[i].session != session) continue;
      for (int at = static_cast<int>(i); at >= 0; at = path.steps[at].parent) {
        line.insert(line.begin(), path.steps[at].session);
      }
    }
    return line;
  }

  static model::SessionId Drive(const model::Session& session, const model::HopKey& key) {
    return model::DeriveDriveId(session.id, {.hop_key = key});
  }

  Story story_;
  model::Session staff_, service_;
  Engine engine_{options_};
  Store store_;
};

TEST_F(DrivesTest, OneConnectionDrives_PathGoesThroughTheServiceAndIsNotProven) {
  const model::HopKey in = Connect(staff_, "desk", "10.0.0.1", 5);
  const model::Session root = LoginToDb(6, {{.hop_key = in, .probability = 0.9}});
  const Path path = PathAfterAll(root);
  const model::SessionId drive = Drive(service_, in);
  EXPECT_THAT(LineTo(path, root.id), ElementsAre(staff_.id, drive, root.id));
  ASSERT_THAT(path.steps, SizeIs(3));
  EXPECT_EQ(path.steps[1].proof, model::Proof::kProven) << "the hop into the service";
  EXPECT_EQ(path.steps[2].proof, model::Proof::kInferred) << "that the service passed it on";
  EXPECT_DOUBLE_EQ(path.steps[2].probability, 0.9);
  EXPECT_EQ(path.steps[2].depth, 2u);
  EXPECT_FALSE(path.proven);
  ASSERT_THAT(path.steps[2].other_causes, SizeIs(1)) << "the service itself";
  EXPECT_EQ(path.steps[2].other_causes[0].session, service_.id);
  // The drive has a row, which is not its service's.
  ASSERT_TRUE(store_.sessions.contains(drive));
  EXPECT_EQ(store_.sessions[drive].drives, service_.id);
  EXPECT_EQ(store_.sessions[drive].user, "www-data");
  EXPECT_FALSE(store_.sessions[service_.id].closed_wall_ns != 0);
}

TEST_F(DrivesTest, TwoConnectionsMayDrive_BothAreShown) {
  const model::Session other = story_.Login("desk", "intern", "192.0.2.10", 2);
  const model::HopKey of_staff = Connect(staff_, "desk", "10.0.0.1", 5);
  const model::HopKey of_other = Connect(other, "desk", "10.0.0.1", 6);
  const model::Session root = LoginToDb(
      7, {{.hop_key = of_other, .probability = 0.7}, {.hop_key = of_staff, .probability = 0.25}});
  const Path path = PathAfterAll(root);
  EXPECT_THAT(LineTo(path, root.id), ElementsAre(other.id, Drive(service_, of_other), root.id));
  ASSERT_FALSE(path.steps.empty());
  const std::vector<OtherCause>& others = path.steps.back().other_causes;
  ASSERT_THAT(others, SizeIs(2));
  EXPECT_EQ(others[0].session, Drive(service_, of_staff));
  EXPECT_EQ(others[0].root, staff_.id);
  EXPECT_DOUBLE_EQ(others[0].probability, 0.25);
}

TEST_F(DrivesTest, ManyConnectionsMayDrive_NobodyIsBlamed) {
  model::Drivers drivers;
  for (int i = 0; i < 4; ++i) {
    drivers.push_back({.hop_key = Connect(staff_, "desk", "10.0.0.1", 5 + i), .probability = 0.05});
  }
  const model::Session root = LoginToDb(10, drivers);
  const Path path = PathAfterAll(root);
  EXPECT_THAT(LineTo(path, root.id), ElementsAre(service_.id, root.id));
  EXPECT_FALSE(path.proven) << "the service is not certainly the one";
}

TEST_F(DrivesTest, ConnectionThatDroveNothing_IsNotOnThePath) {
  Connect(staff_, "desk", "10.0.0.1", 5, /*drives=*/false);
  EXPECT_THAT(PathAfterAll(staff_).steps, SizeIs(1));
  EXPECT_EQ(store_.sessions.size(), 2u);
}

TEST_F(DrivesTest, ConnectionFromOutside_PathBeginsAtTheService) {
  const model::HopKey in = story_.NextKey();
  model::HopEnd server =
      story_.End("web", model::HopSide::kServer, in,
                 {{Address("198.51.100.7"), 5000}, {Address("10.0.0.2"), 8080}}, 5);
  server.session = service_.id;
  server.drives = true;
  story_.Report("web", server);
  const model::Session root = LoginToDb(6, {{.hop_key = in, .probability = 1}});
  EXPECT_THAT(LineTo(PathAfterAll(root), root.id),
              ElementsAre(service_.id, Drive(service_, in), root.id));
}

// The client does what its server says.
TEST_F(DrivesTest, ReverseShell_ListenerIsTheParent) {
  const model::HopKey key = story_.NextKey();
  const model::Flow flow{{Address("10.0.0.2"), 50000}, {Address("10.0.0.1"), 4444}};
  model::HopEnd client = story_.End("web", model::HopSide::kClient, key, flow, 5);
  client.session = service_.id;
  client.drives = true;
  story_.Report("web", client);
  model::HopEnd server = story_.End("desk", model::HopSide::kServer, key, flow, 5);
  server.session = staff_.id;
  story_.Report("desk", server);
  const model::Session root = LoginToDb(6, {{.hop_key = key, .probability = 0.95}});
  EXPECT_THAT(LineTo(PathAfterAll(root), root.id),
              ElementsAre(staff_.id, Drive(service_, key), root.id));
}

TEST_F(DrivesTest, AnotherSessionDrives_ItIsTheParentByItsMethod) {
  model::Session mallory = story_.Login("web", "mallory", "192.0.2.11", 3);
  const model::Session root =
      LoginToDb(6, {{.session = mallory.id, .method = "ptrace", .probability = 0.9}});
  const Path path = PathAfterAll(root);
  const model::SessionId drive =
      model::DeriveDriveId(service_.id, {.session = mallory.id, .method = "ptrace"});
  EXPECT_THAT(LineTo(path, root.id), ElementsAre(mallory.id, drive, root.id));
  ASSERT_THAT(path.steps, SizeIs(3));
  EXPECT_EQ(path.steps[1].link, "ptrace");
  EXPECT_FALSE(path.proven);
}

TEST_F(DrivesTest, WriterOfAJob_IsItsCauseAndInferred) {
  model::Session mallory = story_.Login("web", "mallory", "192.0.2.11", 3);
  model::Session job = story_.MakeSession("web", "root", 9, model::EntryKind::kCron);
  job.drivers = {{.session = mallory.id, .method = "file /etc/crontab", .probability = 0.9}};
  story_.Report("web", job);
  const Path path = PathAfterAll(job);
  EXPECT_THAT(LineTo(path, job.id), ElementsAre(mallory.id, job.id));
  ASSERT_THAT(path.steps, SizeIs(2));
  EXPECT_EQ(path.steps[1].link, "file /etc/crontab");
  EXPECT_EQ(path.steps[1].proof, model::Proof::kInferred);
}

TEST_F(DrivesTest, WriterInAnEarlierBoot_IsStillTheCauseOfTheJob) {
  model::Session mallory = story_.MakeSession("web", "mallory", 3);
  mallory.host.boot.bytes[0] ^= 1;
  mallory.id = model::DeriveSessionId(mallory.host, mallory.first_process);
  model::Session job = story_.MakeSession("web", "root", 9, model::EntryKind::kCron);
  job.drivers = {{.session = mallory.id, .method = "file /etc/crontab", .probability = 0.8}};
  Run(&engine_, {model::Fact(mallory), model::Fact(job)}, &store_);
  EXPECT_THAT(LineTo(engine_.PathOf(job.id), job.id), ElementsAre(mallory.id, job.id));
}

TEST_F(DrivesTest, WriterOnAnotherHost_IsNoCause) {
  const model::Session mallory = story_.Login("desk", "mallory", "192.0.2.11", 3);
  model::Session job = story_.MakeSession("web", "root", 9, model::EntryKind::kCron);
  job.drivers = {{.session = mallory.id, .method = "file /etc/crontab", .probability = 0.8}};
  story_.Report("web", job);
  EXPECT_THAT(LineTo(PathAfterAll(job), job.id), ElementsAre(job.id));
}

TEST_F(DrivesTest, LoneClientEnd_TheOtherHostIsAskedForItsEndOnce) {
  const model::HopKey key = story_.NextKey();
  model::HopEnd client = story_.End("desk", model::HopSide::kClient, key,
                                    {{Address("10.0.0.1"), 41000}, {Address("10.0.0.2"), 8080}}, 5);
  client.session = staff_.id;
  story_.Report("desk", client);
  Connect(staff_, "desk", "10.0.0.1", 6);  // has both ends
  Run(&engine_, story_.in_order(), &store_);
  Outcome early, due, later;
  engine_.Tick(&early);
  EXPECT_THAT(early.end_requests, IsEmpty());
  clock_.AdvanceNs(kSecond);
  engine_.Tick(&due);
  EXPECT_THAT(due.end_requests, ElementsAre(EndRequest{Story::Host("web").machine, key}));
  clock_.AdvanceNs(kSecond);
  engine_.Tick(&later);
  EXPECT_THAT(later.end_requests, IsEmpty());
}

// A host may say who drives its own sessions, and not that somebody else's session does.
TEST_F(DrivesTest, LiarNamesASessionOfAnotherHost_ItIsNotOnThePath) {
  const model::Session root =
      LoginToDb(6, {{.session = staff_.id, .method = "ptrace", .probability = 1}});
  const Path path = PathAfterAll(root);
  EXPECT_THAT(LineTo(path, root.id), ElementsAre(service_.id, root.id));
  EXPECT_FALSE(path.proven);
}

TEST_F(DrivesTest, LiarNamesAConnectionOfOthers_ItsClientIsNotOnThePath) {
  story_.AddHost("mail", 0, {"10.0.0.4"});
  const model::HopKey elsewhere = story_.NextKey();
  const model::Flow flow{{Address("10.0.0.1"), 45000}, {Address("10.0.0.4"), 25}};
  model::HopEnd client = story_.End("desk", model::HopSide::kClient, elsewhere, flow, 4);
  client.session = staff_.id;
  story_.Report("desk", client);
  const model::Session root = LoginToDb(6, {{.hop_key = elsewhere, .probability = 1}});
  EXPECT_THAT(LineTo(PathAfterAll(root), root.id),
              ElementsAre(service_.id, Drive(service_, elsewhere), root.id));
}

TEST_F(DrivesTest, DriveOfAnAgent_IsRefused) {
  model::Session drive = service_;
  drive.drives = staff_.id;
  Run(&engine_, {model::Fact(drive)}, &store_);
  EXPECT_EQ(engine_.counts().refused, 1u);
  EXPECT_THAT(store_.sessions, IsEmpty());
}

TEST_F(DrivesTest, AfterARestart_TheSamePathIsThere) {
  const model::HopKey in = Connect(staff_, "desk", "10.0.0.1", 5);
  const model::Session root = LoginToDb(6, {{.hop_key = in, .probability = 0.9}});
  PathAfterAll(root);
  Engine second(options_);
  second.Restore(store_.Saved());
  EXPECT_THAT(LineTo(second.PathOf(root.id), root.id),
              ElementsAre(staff_.id, Drive(service_, in), root.id));
  Outcome outcome;
  second.Tick(&outcome);
  EXPECT_THAT(outcome.sessions, IsEmpty());
}

TEST_F(DrivesTest, ClosedConnectionsOfAServiceThatLives_LeaveMemoryWithTheirDrives) {
  constexpr int kConnections = 50;
  for (int i = 0; i < kConnections; ++i) Connect(staff_, "desk", "10.0.0.1", 5 + i);
  std::vector<model::Fact> closed = story_.in_order();
  for (model::Fact& fact : closed) {
    auto* end = std::get_if<model::HopEnd>(&fact);
    if (end != nullptr && end->flow.server.port == 8080) {
      end->closed_wall_ns = end->established_wall_ns + kSecond;
    }
  }
  engine_.SetRetention(60 * kSecond);
  Run(&engine_, story_.in_order(), &store_);
  const Engine::Counts open = engine_.counts();
  ASSERT_EQ(open.sessions, 2u + kConnections);
  Run(&engine_, closed, &store_);
  for (int i = 0; i < 6; ++i) Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_EQ(engine_.counts().sessions, 2u);
  EXPECT_EQ(engine_.counts().hop_ends, open.hop_ends - 2 * kConnections);
}

TEST_F(DrivesTest, ClosedConnection_ClosesTheDriveAndNotTheService) {
  const model::HopKey in = Connect(staff_, "desk", "10.0.0.1", 5);
  const model::Session root = LoginToDb(6, {{.hop_key = in, .probability = 0.9}});
  model::HopEnd server = story_.End("web", model::HopSide::kServer, in,
                                    {{Address("10.0.0.1"), 41005}, {Address("10.0.0.2"), 8080}}, 5);
  server.session = service_.id;
  server.drives = true;
  server.closed_wall_ns = story_.Wall("web", 8);
  story_.Report("web", server);
  PathAfterAll(root);
  EXPECT_EQ(store_.sessions[Drive(service_, in)].closed_wall_ns, story_.Wall("web", 8));
  EXPECT_EQ(store_.sessions[service_.id].closed_wall_ns, 0);
}

}  // namespace
}  // namespace hoptrail::collector::engine
