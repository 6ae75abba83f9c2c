#include "cli/path_view.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "cli/time_zone_testing.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

using ::google::protobuf::util::TimeUtil;
using ::testing::HasSubstr;
using ::testing::Not;

const Style kUtf8 = {.utc = true};
const Style kAscii = {.utf8 = false, .utc = true};

constexpr int64_t kStart = 1'795'327'205'000;  // 2026-11-22 06:00:05 UTC, in ms

void SetFlow(const std::string& client, uint32_t client_port, const std::string& server,
             uint32_t server_port, v1::Flow* flow) {
  flow->mutable_client()->set_address(client);
  flow->mutable_client()->set_port(client_port);
  flow->mutable_server()->set_address(server);
  flow->mutable_server()->set_port(server_port);
}

// A step whose connection both ends saw alike.
v1::PathStep* AddStep(const std::string& host, const std::string& user, int parent, int64_t at_ms,
                      v1::Path* path) {
  const int index = path->steps_size();
  v1::PathStep* step = path->add_steps();
  step->set_parent(parent);
  step->set_depth(parent < 0 ? 0 : path->steps(parent).depth() + 1);
  v1::Session* session = step->mutable_session();
  session->set_name(absl::StrCat("sessions/", index, "111111111112222222222333333333344"));
  session->set_host(absl::StrCat("hosts/", index));
  session->set_host_name(host);
  session->set_kind(v1::REMOTE);
  session->set_logged_in(true);
  session->set_user(user);
  *session->mutable_open_time() = TimeUtil::MillisecondsToTimestamp(kStart + at_ms);
  session->mutable_authentication()->set_verified(true);
  v1::HopEnd* server = step->mutable_hop()->mutable_server();
  *server->mutable_establish_time() = TimeUtil::MillisecondsToTimestamp(kStart + at_ms);
  if (parent >= 0) {
    step->mutable_hop()->set_proof(v1::PROVEN);
    step->mutable_hop()->set_probability(1);
    v1::HopEnd* client = step->mutable_hop()->mutable_client();
    client->set_program("/usr/bin/ssh");
    client->set_user(path->steps(parent).session().user());
  }
  return step;
}

void SetKey(const std::string& fingerprint, v1::PathStep* step) {
  v1::Authentication* authentication = step->mutable_session()->mutable_authentication();
  authentication->set_method(v1::PUBLIC_KEY);
  authentication->set_key_type("ED25519");
  authentication->set_key_fingerprint(fingerprint);
}

v1::Detection MakeDetection(const std::string& rule, v1::Severity severity,
                            const std::string& title, const std::string& summary) {
  v1::Detection detection;
  detection.set_rule(rule);
  detection.set_severity(severity);
  detection.set_title(title);
  detection.set_summary(summary);
  detection.add_techniques("T1110.001");
  return detection;
}

// gw → web (translated) → db → vault (IPv6).
class StoryTest : public ::testing::Test {
 protected:
  StoryTest() {
    path_.set_name("incidents/3fa2c81d90ab00000000000000000000");
    v1::PathStep* gw = AddStep("gw", "staff", -1, 0, &path_);
    gw->mutable_session()->mutable_authentication()->set_method(v1::PASSWORD);
    gw->mutable_session()->set_terminal("pts/3");
    SetFlow("192.0.2.9", 51515, "198.51.100.7", 22,
            gw->mutable_hop()->mutable_server()->mutable_flow());
    gw->add_detections("detections/aaaa");
    detections_["detections/aaaa"] =
        MakeDetection("brute-force", v1::HIGH, "Password found by guessing",
                      "5 failures for staff from 192.0.2.9, then a success");

    v1::PathStep* web = AddStep("web", "deploy", 0, 55'000, &path_);
    SetKey("SHA256:webkey", web);
    SetFlow("10.0.1.2", 40022, "10.0.1.1", 22,
            web->mutable_hop()->mutable_client()->mutable_flow());
    SetFlow("10.0.2.1", 40022, "10.0.2.2", 22,
            web->mutable_hop()->mutable_server()->mutable_flow());
    *web->mutable_session()->mutable_login_end_time() =
        TimeUtil::MillisecondsToTimestamp(kStart + 70'000);

    v1::PathStep* db = AddStep("db", "root", 1, 125'400, &path_);
    SetKey("SHA256:dbkey", db);
    SetFlow("10.0.3.1", 40100, "10.0.3.2", 22, db->mutable_hop()->mutable_client()->mutable_flow());
    *db->mutable_hop()->mutable_server()->mutable_flow() = db->hop().client().flow();

    v1::PathStep* vault = AddStep("vault", "root", 2, 3'725'000, &path_);
    SetKey("SHA256:vaultkey", vault);
    SetFlow("2001:db8::3", 40200, "2001:db8::4", 22,
            vault->mutable_hop()->mutable_client()->mutable_flow());
    *vault->mutable_hop()->mutable_server()->mutable_flow() = vault->hop().client().flow();
    *vault->mutable_session()->mutable_close_time() =
        TimeUtil::MillisecondsToTimestamp(kStart + 3'800'000);
    vault->add_detections("detections/bbbb");

    incident_.set_name(path_.name());
    incident_.set_severity(v1::CRITICAL);
    incident_.set_state(v1::OPEN);
    incident_.set_title("staff from 192.0.2.9: gw → web → db → vault");
    *incident_.mutable_open_time() = TimeUtil::MillisecondsToTimestamp(kStart + 1000);
    *incident_.mutable_update_time() = TimeUtil::MillisecondsToTimestamp(kStart + 3'725'500);
  }

  PathView View() const { return {&path_, &incident_, &detections_}; }

  v1::Path path_;
  v1::Incident incident_;
  std::map<std::string, v1::Detection> detections_;
};

TEST_F(StoryTest, IsDrawnAsATree) {
  EXPECT_EQ(RenderPathTree(View(), kUtf8),
            R"(Incident 3fa2c81d90ab  CRITICAL  OPEN
staff from 192.0.2.9: gw → web → db → vault
opened 2026-11-22 06:00:06.000, last change 2026-11-22 07:02:10.500 (UTC)
3 hops, 4 hosts, every hop PROVEN; times are UTC, by each host's own clock

outside the fleet: 192.0.2.9:51515
└─ gw as staff  2026-11-22 06:00:05.000
   │  in       password
   │  from     192.0.2.9:51515 → 198.51.100.7:22
   │  session  011111111111, pts/3, open
   │  HIGH     brute-force: Password found by guessing  [T1110.001]
   │           5 failures for staff from 192.0.2.9, then a success
   │
   └─ web as deploy  2026-11-22 06:01:00.000  +55.0 s  hop 1  PROVEN
      │  user     CHANGED staff → deploy
      │  in       public key ED25519 SHA256:webkey
      │  from     10.0.2.1:40022 → 10.0.2.2:22
      │           10.0.1.2:40022 → 10.0.1.1:22 as gw saw it (addresses translated between)
      │  by       /usr/bin/ssh as staff on gw
      │  session  111111111111, login ended 2026-11-22 06:01:15.000, its processes live on
      │
      └─ db as root  2026-11-22 06:02:10.400  +2 m 05 s  hop 2  PROVEN
         │  user     CHANGED deploy → root
         │  in       public key ED25519 SHA256:dbkey
         │  from     10.0.3.1:40100 → 10.0.3.2:22
         │  by       /usr/bin/ssh as deploy on web
         │  session  211111111111, open
         │
         └─ vault as root  2026-11-22 07:02:10.000  +1 h 02 m  hop 3  PROVEN
               in       public key ED25519 SHA256:vaultkey
               from     [2001:db8::3]:40200 → [2001:db8::4]:22
               by       /usr/bin/ssh as root on db
               session  311111111111, closed 2026-11-22 07:03:25.000
               detected bbbb (not loaded)
)");
}

TEST_F(StoryTest, FitsANarrowTerminal) {
  for (const size_t width : {60u, 80u}) {
    for (absl::string_view line :
         absl::StrSplit(RenderPathTree(View(), {.utc = true, .width = width}), '\n')) {
      EXPECT_LE(Width(line), width) << line;
    }
  }
  const std::string tree = RenderPathTree(View(), {.utc = true, .width = 60});
  EXPECT_THAT(tree, HasSubstr(R"(
   └─ web as deploy  2026-11-22 06:01:00  +55.0 s
      │    hop 1  PROVEN
      │  user     CHANGED staff → deploy
      │  in       public key ED25519 SHA256:webkey
      │  from     10.0.2.1:40022 → 10.0.2.2:22
      │           10.0.1.2:40022 → 10.0.1.1:22 as gw saw it
      │           (addresses translated between)
)"));
}

TEST_F(StoryTest, TimesAreLocalUnlessTheyAreToBeUtc) {
  const TimeZone berlin("Europe/Berlin");
  const std::string tree = RenderPathTree(View(), Style());
  EXPECT_THAT(tree, HasSubstr("every hop PROVEN; times are CET, by each host's own clock\n"));
  EXPECT_THAT(tree, HasSubstr("gw as staff  2026-11-22 07:00:05.000\n"));
  EXPECT_THAT(tree, HasSubstr("opened 2026-11-22 07:00:06.000, last change 2026-11-22 08:02:10.500 "
                              "(CET)\n"));
  EXPECT_THAT(RenderPathDot(View(), false), HasSubstr("2026-11-22 07:00:05.000 CET"));
  EXPECT_THAT(RenderPathDot(View(), true), HasSubstr("2026-11-22 06:00:05.000 UTC"));
}

TEST_F(StoryTest, SaysWhichHostIsDegradedAndHowThePageStands) {
  v1::DegradedHost* host = incident_.add_degraded_hosts();
  host->set_host("hosts/1");
  host->set_host_name("web");
  host->add_degradations()->set_kind(v1::LOSING_RECORDS);
  v1::Delivery* delivery = incident_.add_deliveries();
  delivery->set_notifier("pagerduty");
  delivery->set_state(v1::RETRYING);
  const std::string tree = RenderPathTree(View(), kUtf8);
  EXPECT_THAT(tree, HasSubstr("\npage: pagerduty RETRYING after 0 tries"));
  EXPECT_THAT(tree, HasSubstr("\ndegraded web: losing records\n"));
  EXPECT_THAT(tree, HasSubstr("its processes live on\n      │  degraded losing records\n"));
}

TEST_F(StoryTest, FallsBackToAscii) {
  incident_.set_title("staff: gw, web");
  const std::string tree = RenderPathTree(View(), kAscii);
  EXPECT_THAT(tree, HasSubstr("\n`- gw as staff"));
  EXPECT_THAT(tree, HasSubstr("\n   |  from     192.0.2.9:51515 -> 198.51.100.7:22\n"));
  for (char c : tree) ASSERT_GE(c, 0) << tree;
}

TEST_F(StoryTest, NeverShowsInferredLikeProven) {
  v1::Hop* hop = path_.mutable_steps(2)->mutable_hop();
  hop->set_proof(v1::INFERRED);
  hop->set_probability(0.834);
  path_.mutable_steps(3)->mutable_hop()->clear_client();
  path_.mutable_steps(3)->mutable_hop()->clear_proof();
  const std::string tree = RenderPathTree(View(), kUtf8);
  EXPECT_THAT(tree, HasSubstr("hop 2  INFERRED p=0.83\n"));
  EXPECT_THAT(tree, HasSubstr("hop 3  UNJOINED (one end is missing)\n"));
  EXPECT_THAT(tree, HasSubstr("1 of 3 PROVEN;"));
  EXPECT_THAT(tree, Not(HasSubstr("every hop PROVEN")));
}

TEST_F(StoryTest, MarksClaims) {
  path_.mutable_steps(1)->mutable_session()->mutable_authentication()->set_verified(false);
  EXPECT_THAT(RenderPathTree(View(), kUtf8), HasSubstr("SHA256:webkey (claimed, not verified)\n"));
}

TEST_F(StoryTest, SaysThatItWasCut) {
  path_.set_truncated(true);
  EXPECT_THAT(RenderPathTree(View(), kUtf8),
              HasSubstr("The path goes on: only its first 4 steps are shown."));
  EXPECT_THAT(RenderPathDot(View(), true), HasSubstr("the path goes on"));
}

TEST_F(StoryTest, DrawsSiblingsUnderOneTrunk) {
  AddStep("backup", "deploy", 1, 90'000, &path_);
  const std::string tree = RenderPathTree(View(), kUtf8);
  EXPECT_THAT(tree, HasSubstr("\n      ├─ db as root"));
  EXPECT_THAT(tree, HasSubstr("\n      │  └─ vault as root"));
  EXPECT_THAT(tree, HasSubstr("\n      └─ backup as deploy"));
}

TEST_F(StoryTest, HostileWordsReachNoTerminal) {
  const std::string evil = "\x1b[2J\x1b]0;x\x07\r\n\u202e\xc2\x9b";
  for (v1::PathStep& step : *path_.mutable_steps()) {
    v1::Session* session = step.mutable_session();
    for (std::string* field :
         {session->mutable_name(), session->mutable_host_name(), session->mutable_user(),
          session->mutable_terminal(), session->mutable_unit(), session->mutable_title(),
          step.add_origin_hosts(), step.mutable_link(),
          session->mutable_authentication()->mutable_key_type(),
          session->mutable_authentication()->mutable_key_fingerprint(),
          session->mutable_authentication()->mutable_certificate_id(),
          step.mutable_hop()->mutable_client()->mutable_program(),
          step.mutable_hop()->mutable_client()->mutable_user(),
          step.mutable_hop()
              ->mutable_server()
              ->mutable_flow()
              ->mutable_client()
              ->mutable_address()}) {
      *field += evil;
    }
  }
  v1::Detection* detection = &detections_["detections/aaaa"];
  for (std::string* field : {detection->mutable_rule(), detection->mutable_title(),
                             detection->mutable_summary(), detection->mutable_techniques(0),
                             incident_.mutable_title(), incident_.mutable_changed_by()}) {
    *field += evil;
  }
  for (const std::string& text : {RenderPathTree(View(), kUtf8), RenderPathDot(View(), true)}) {
    for (char c : text) {
      const uint8_t byte = static_cast<uint8_t>(c);
      ASSERT_TRUE(byte == '\n' || (byte >= 0x20 && byte != 0x7f)) << int{byte};
    }
    EXPECT_THAT(text, Not(HasSubstr("\u202e")));
    EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
    EXPECT_THAT(text, HasSubstr("x1b[2J"));
  }
}

TEST_F(StoryTest, DrawsAGraph) {
  path_.mutable_steps(2)->mutable_hop()->set_proof(v1::INFERRED);
  path_.mutable_steps(2)->mutable_hop()->set_probability(0.5);
  path_.mutable_steps(3)->mutable_session()->set_user("ro\"ot\\");
  const std::string dot = RenderPathDot(View(), true);
  EXPECT_THAT(dot, HasSubstr("digraph path {\n"));
  EXPECT_THAT(dot, HasSubstr("o0 [label=\"outside the fleet\\n192.0.2.9:51515\""));
  EXPECT_THAT(dot, HasSubstr("s0 -> s1 [label=\"PROVEN\\n10.0.2.1:40022 → 10.0.2.2:22\"];"));
  EXPECT_THAT(dot, HasSubstr("s1 -> s2 [label=\"INFERRED p=0.50"));
  EXPECT_THAT(dot, HasSubstr("style=dashed"));
  EXPECT_THAT(dot, HasSubstr("vault as ro\\\"ot\\\\"));
  EXPECT_THAT(dot, HasSubstr("HIGH brute-force"));
}

TEST(PathTest, IsDrawnHoweverDeepAndHoweverWrong) {
  v1::Path path;
  path.set_name("sessions/abcd");
  for (int i = 0; i < 1000; ++i) AddStep("host", "user", i - 1, i, &path);
  path.mutable_steps(5)->set_parent(5);
  path.mutable_steps(6)->set_parent(999);
  path.mutable_steps(7)->set_parent(-7);
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kUtf8);
  EXPECT_THAT(tree, HasSubstr("Path of session abcd\n"));
  EXPECT_THAT(tree, HasSubstr("hop 999  PROVEN"));
  EXPECT_LT(tree.size(), 1000 * 1000u);
}

TEST_F(StoryTest, AnAddressOfTheFleetIsNotOutside) {
  path_.mutable_steps(0)->add_origin_hosts("web");
  EXPECT_THAT(RenderPathTree(View(), kUtf8),
              HasSubstr("\nfrom web, where nobody saw it: 192.0.2.9:51515\n"));
  EXPECT_THAT(RenderPathTree(View(), kUtf8), Not(HasSubstr("outside")));
  path_.mutable_steps(0)->add_origin_hosts("db");
  const std::string dot = RenderPathDot(View(), true);
  EXPECT_THAT(dot, HasSubstr("from web or db, where nobody saw it\\n192.0.2.9:51515"));
  EXPECT_THAT(dot, Not(HasSubstr("outside")));
}

TEST(PathTest, BeginsAtAContainer) {
  v1::Path path;
  path.set_name("sessions/abcd");
  v1::PathStep* root = AddStep("web", "root", -1, 0, &path);
  root->clear_hop();
  v1::Session* session = root->mutable_session();
  session->set_kind(v1::CONTAINER);
  session->set_unit("3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70");
  session->set_title("container 3f2a1b4c5d6e running node (root)");
  AddStep("db", "deploy", 0, 100, &path);
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kUtf8);
  EXPECT_THAT(tree, HasSubstr("\nbegins on web: container 3f2a1b4c5d6e running node (root)\n"));
  EXPECT_THAT(tree, HasSubstr("web as container 3f2a1b4c5d6e running node (root)  "));
  EXPECT_THAT(tree, HasSubstr("container 3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
                              "5e6f70\n"));
  EXPECT_THAT(RenderPathDot({&path, nullptr, &none}, true),
              HasSubstr("web as container 3f2a1b4c5d6e running node (root)"));
}

TEST(PathTest, BeginsInsideTheFleetAtAConsole) {
  v1::Path path;
  path.set_name("sessions/abcd");
  v1::PathStep* root = AddStep("gw", "staff", -1, 0, &path);
  root->clear_hop();
  root->mutable_session()->set_kind(v1::CONSOLE);
  v1::PathStep* su = AddStep("gw", "root", 0, 100, &path);
  su->clear_hop();
  su->set_link("su");
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kUtf8);
  EXPECT_THAT(tree, HasSubstr("begins on gw: console login of staff\n"));
  EXPECT_THAT(tree, HasSubstr("su, same host\n"));
  EXPECT_THAT(tree, HasSubstr("CHANGED staff → root\n"));
  EXPECT_THAT(tree, Not(HasSubstr("outside")));
}

}  // namespace
}  // namespace hoptrail::cli
