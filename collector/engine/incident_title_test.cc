// Titles of incidents, and what a root that is no login means to the rules.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class IncidentTitleTest : public EngineTest {
 protected:
  IncidentTitleTest() {
    for (const char* host : {"web", "db", "vault"}) story_.AddHost(host);
  }

  model::Session Root(model::EntryKind kind, const std::string& user, uint32_t uid,
                      const std::string& unit, const std::string& program) {
    model::Session root = story_.MakeSession("web", user, 10, kind);
    root.logged_in = false;
    root.uid = uid;
    root.unit = unit;
    root.program = program;
    return root;
  }

  // The title of the path root@web → db → vault with a detection on vault.
  std::string TitleOver(const model::Session& root) {
    story_.Report("web", root);
    db_ = story_.Hop(root, "web", "db", "deploy", 20, To(3), To(3));
    vault_ = story_.Hop(db_, "db", "vault", "deploy", 30, To(4), To(4));
    story_.Detect("vault", vault_, "brute-force", model::Severity::kHigh, 31);
    Run(&engine_, story_.in_order(), &store_);
    return store_.Live().size() == 1 ? store_.Live()[0].title : "not one incident";
  }

  static model::Flow To(int host) {
    return {{Address("10.0.0.2"), static_cast<uint16_t>(50000 + host)},
            {Address(absl::StrCat("10.0.0.", host)), 22}};
  }

  Story story_;
  Engine engine_{options_};
  Store store_;
  model::Session db_, vault_;
};

TEST_F(IncidentTitleTest, ServiceAsRoot_HasItsUnitAndUser) {
  const std::string title = TitleOver(
      Root(model::EntryKind::kService, "www-data", 33, "nginx.service", "/usr/sbin/nginx"));
  EXPECT_EQ(title, "service nginx.service (www-data): web → db → vault");
  const model::Provenance& provenance = store_.provenance.at(vault_.id);
  EXPECT_THAT(provenance.path,
              ElementsAre("service nginx.service (www-data)@web", "deploy@db", "deploy@vault"));
  EXPECT_EQ(provenance.root_user, "www-data");
  EXPECT_THAT(Rules(store_, db_.id), ElementsAre()) << "a service proves no identity to switch";
}

TEST_F(IncidentTitleTest, ServiceWithoutUnit_HasItsProgram) {
  EXPECT_EQ(TitleOver(Root(model::EntryKind::kService, "", 4711, "", "/opt/app/server")),
            "service server (uid 4711): web → db → vault");
}

TEST_F(IncidentTitleTest, ContainerAsRoot_HasItsIdAndProgram) {
  EXPECT_EQ(TitleOver(Root(model::EntryKind::kContainer, "root", 0,
                           "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70",
                           "/usr/bin/node")),
            "container 3f2a1b4c5d6e running node (root): web → db → vault");
}

TEST_F(IncidentTitleTest, CronJobAsRoot_HasItsUserAndIsAnIdentity) {
  EXPECT_EQ(
      TitleOver(Root(model::EntryKind::kCron, "backup", 34, "backup/backup.sh", "/usr/sbin/cron")),
      "cron job backup.sh of backup: web → db → vault");
  EXPECT_THAT(Rules(store_, db_.id), ElementsAre("credential-switch"));
}

TEST_F(IncidentTitleTest, TimerAsRoot_IsNoIdentity) {
  EXPECT_EQ(TitleOver(Root(model::EntryKind::kCron, "root", 0, "dump.service", "/usr/bin/dump")),
            "scheduled job dump.service (root): web → db → vault");
  EXPECT_THAT(Rules(store_, db_.id), ElementsAre());
}

TEST_F(IncidentTitleTest, LaterReportOfTheRoot_ChangesTheTitle) {
  model::Session root = Root(model::EntryKind::kService, "root", 0, "", "/bin/sh");
  EXPECT_EQ(TitleOver(root), "service sh (root): web → db → vault");
  const size_t reported = story_.in_order().size();
  root.uid = 33;
  root.user.clear();
  root.program = "/usr/bin/java";
  story_.Report("web", root);
  Run(&engine_, absl::MakeConstSpan(story_.in_order()).subspan(reported), &store_);
  EXPECT_EQ(store_.Live().at(0).title, "service java (uid 33): web → db → vault");
  EXPECT_EQ(store_.provenance.at(vault_.id).path.at(0), "service java (uid 33)@web");
}

TEST_F(IncidentTitleTest, UnreportedRoot_IsCalledNotReportedYet) {
  // web's agent reports its end of the hop, but neither the session nor its host name.
  Story story;
  story.AddHost("db");
  const model::Session root = story_.MakeSession("web", "", 10);
  model::HopEnd client = story_.End("web", model::HopSide::kClient, {7, 8}, To(3), 20);
  client.session = root.id;
  model::HopEnd server = story_.End("db", model::HopSide::kServer, {7, 8}, To(3), 20);
  model::Session db = story_.MakeSession("db", "deploy", 20);
  server.session = db.id;
  server.opened_session = true;
  story.Report("web", client);
  story.Report("db", server);
  story.Report("db", db);
  story.Detect("db", db, "brute-force", model::Severity::kHigh, 21);
  Run(&engine_, story.in_order(), &store_);
  ASSERT_THAT(store_.Live(), SizeIs(1));
  const std::string machine = model::ToString(Story::Host("web").machine).substr(0, 12);
  EXPECT_EQ(store_.Live()[0].title,
            absl::StrCat("a session not reported yet: host ", machine, " → db"));
  EXPECT_EQ(store_.provenance.at(db.id).path.at(0),
            absl::StrCat("a session not reported yet@host ", machine));
}

TEST_F(IncidentTitleTest, SessionCausedByALogin_HasTheLoginAsRootAndIdentity) {
  const model::Session login = story_.Login("web", "staff", "192.0.2.9", 5);
  model::Session caused =
      Root(model::EntryKind::kContainer, "root", 0, "pid:[4026532500]", "/bin/sh");
  caused.caused_by = login.id;
  EXPECT_EQ(TitleOver(caused), "staff from 192.0.2.9: web → db → vault");
  EXPECT_THAT(Rules(store_, db_.id), ElementsAre("credential-switch"));
  EXPECT_THAT(store_.provenance.at(vault_.id).path,
              ElementsAre("staff@web", "container pid:[4026532500] running sh (root)@web",
                          "deploy@db", "deploy@vault"));
}

}  // namespace
}  // namespace hoptrail::collector::engine
