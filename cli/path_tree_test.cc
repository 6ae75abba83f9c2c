#include "cli/path_tree.h"

#include <string>

#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/story_fixture.h"
#include "cli/time_zone_testing.h"

namespace hoptrail::cli {
namespace {

using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Not;

class PathTreeTest : public StoryFixture {};

TEST_F(PathTreeTest, Path_IsDrawnAsATree) {
  EXPECT_EQ(RenderPathTree(View(), kPlain),
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

TEST_F(PathTreeTest, NarrowTerminal_EveryLineFits) {
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

TEST_F(PathTreeTest, Times_AreLocalUnlessUtcIsAsked) {
  const TimeZone berlin("Europe/Berlin");
  const std::string tree = RenderPathTree(View(), Style());
  EXPECT_THAT(tree, HasSubstr("every hop PROVEN; times are CET, by each host's own clock\n"));
  EXPECT_THAT(tree, HasSubstr("gw as staff  2026-11-22 07:00:05.000\n"));
  EXPECT_THAT(tree, HasSubstr("opened 2026-11-22 07:00:06.000, last change 2026-11-22 08:02:10.500 "
                              "(CET)\n"));
}

TEST_F(PathTreeTest, Tree_ShowsDegradedHostsAndPages) {
  v1::DegradedHost* host = incident_.add_degraded_hosts();
  host->set_host("hosts/1");
  host->set_host_name("web");
  host->add_degradations()->set_kind(v1::LOSING_RECORDS);
  v1::Delivery* delivery = incident_.add_deliveries();
  delivery->set_notifier("pagerduty");
  delivery->set_state(v1::RETRYING);
  const std::string tree = RenderPathTree(View(), kPlain);
  EXPECT_THAT(tree, HasSubstr("\npage: pagerduty RETRYING after 0 tries"));
  EXPECT_THAT(tree, HasSubstr("\ndegraded web: losing records\n"));
  EXPECT_THAT(tree, HasSubstr("its processes live on\n      │  degraded losing records\n"));
}

TEST_F(PathTreeTest, AsciiTerminal_TreeIsAscii) {
  incident_.set_title("staff: gw, web");
  const std::string tree = RenderPathTree(View(), kAscii);
  EXPECT_THAT(tree, HasSubstr("\n`- gw as staff"));
  EXPECT_THAT(tree, HasSubstr("\n   |  from     192.0.2.9:51515 -> 198.51.100.7:22\n"));
  EXPECT_THAT(tree, Each(Ge(0))) << tree;
}

TEST_F(PathTreeTest, InferredHop_IsNotShownLikeAProvenOne) {
  v1::Hop* hop = path_.mutable_steps(2)->mutable_hop();
  hop->set_proof(v1::INFERRED);
  path_.mutable_steps(2)->set_proof(v1::INFERRED);
  path_.mutable_steps(2)->set_probability(0.834);
  path_.mutable_steps(3)->mutable_hop()->clear_client();
  path_.mutable_steps(3)->mutable_hop()->clear_proof();
  const std::string tree = RenderPathTree(View(), kPlain);
  EXPECT_THAT(tree, HasSubstr("hop 2  INFERRED p=0.83\n"));
  EXPECT_THAT(tree, HasSubstr("hop 3  UNJOINED (one end is missing)\n"));
  EXPECT_THAT(tree, HasSubstr("1 of 3 PROVEN;"));
  EXPECT_THAT(tree, Not(HasSubstr("every hop PROVEN")));
}

TEST_F(PathTreeTest, DriveOfAService_IsNotShownLikeAProvenHop) {
  v1::PathStep* driven = path_.mutable_steps(2);
  driven->mutable_session()->set_drives("sessions/99999999999900000000000000000000");
  v1::PathStep* next = path_.mutable_steps(3);
  next->set_proof(v1::INFERRED);
  next->set_probability(0.5);
  v1::OtherCause* other = next->add_other_causes();
  other->set_title("intern");
  other->set_host_name("desk");
  other->set_session("sessions/88888888888800000000000000000000");
  other->set_proof(v1::INFERRED);
  other->set_probability(0.4);
  const std::string tree = RenderPathTree(View(), kPlain);
  EXPECT_THAT(tree, HasSubstr("what 999999999999 did because of this"));
  EXPECT_THAT(tree, HasSubstr("hop 3  connection PROVEN, cause INFERRED p=0.50\n"));
  EXPECT_THAT(tree, HasSubstr("or by    intern on desk, INFERRED p=0.40, session 888888888888"));
  EXPECT_THAT(tree, HasSubstr("2 of 3 PROVEN;"));
  EXPECT_THAT(tree, Not(HasSubstr("every hop PROVEN")));
}

TEST_F(PathTreeTest, UnverifiedLogin_IsMarkedAsClaimed) {
  path_.mutable_steps(1)->mutable_session()->mutable_authentication()->set_verified(false);
  EXPECT_THAT(RenderPathTree(View(), kPlain), HasSubstr("SHA256:webkey (claimed, not verified)\n"));
}

TEST_F(PathTreeTest, TruncatedPath_SaysSo) {
  path_.set_truncated(true);
  EXPECT_THAT(RenderPathTree(View(), kPlain),
              HasSubstr("The path goes on: only its first 4 steps are shown."));
}

TEST_F(PathTreeTest, PartOfALongerPath_SaysSo) {
  EXPECT_THAT(RenderPathTree(View(), kPlain), Not(HasSubstr("begins earlier")));
  path_.set_begins_earlier(true);
  EXPECT_THAT(RenderPathTree(View(), kPlain), HasSubstr("The path begins earlier:"));
}

TEST_F(PathTreeTest, Siblings_ShareOneTrunk) {
  AddStep("backup", "deploy", 1, 90'000, &path_);
  const std::string tree = RenderPathTree(View(), kPlain);
  EXPECT_THAT(tree, HasSubstr("\n      ├─ db as root"));
  EXPECT_THAT(tree, HasSubstr("\n      │  └─ vault as root"));
  EXPECT_THAT(tree, HasSubstr("\n      └─ backup as deploy"));
}

TEST_F(PathTreeTest, HostileText_IsEscaped) {
  MakeHostile();
  ExpectEscaped(RenderPathTree(View(), kPlain));
}

TEST_F(PathTreeTest, DeepPathWithBadParents_IsDrawn) {
  v1::Path path;
  path.set_name("sessions/abcd");
  for (int i = 0; i < 1000; ++i) AddStep("host", "user", i - 1, i, &path);
  path.mutable_steps(5)->set_parent(5);
  path.mutable_steps(6)->set_parent(999);
  path.mutable_steps(7)->set_parent(-7);
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kPlain);
  EXPECT_THAT(tree, HasSubstr("Path of session abcd\n"));
  EXPECT_THAT(tree, HasSubstr("hop 999  PROVEN"));
  EXPECT_LT(tree.size(), 1000 * 1000u);
}

TEST_F(PathTreeTest, RootFromAnAddressOfTheFleet_IsNotOutside) {
  v1::OriginHost* origin = path_.mutable_steps(0)->add_origin_hosts();
  origin->set_host_name("web");
  origin->set_reason(v1::CONNECTION_NOT_REPORTED);
  const auto expect = [this](const std::string& words) {
    EXPECT_THAT(RenderPathTree(View(), kPlain),
                HasSubstr("\nfrom web (" + words + "): 192.0.2.9:51515\n"));
    EXPECT_THAT(RenderPathTree(View(), kPlain), Not(HasSubstr("outside")));
  };
  expect("its agent reported no such connection");
  origin->set_reason(v1::AGENT_DOWN);
  origin->mutable_since_time()->set_seconds(1'795'330'800);
  expect("its agent has been down since 2026-11-22 07:00:00.000");
  origin->mutable_until_time()->set_seconds(1'795'330'805);
  expect("its agent was down until 2026-11-22 07:00:05.000");
  origin->set_reason(v1::ADDRESS_MOVED);
  expect("it had the address until 2026-11-22 07:00:00.000");
  origin->set_reason(v1::RAW_SOCKET);
  origin->set_program("/opt/stack");
  expect("its agent reported no such connection, but /opt/stack sent by a raw socket");
}

TEST_F(PathTreeTest, HostWithoutAgent_IsAStepThatIsNotProven) {
  v1::Path path;
  path.set_name("sessions/abcd");
  AddStep("gw", "staff", -1, 0, &path);
  v1::PathStep* middle = AddStep("10.0.0.5 (unmonitored)", "unseen", 0, 10, &path);
  middle->mutable_session()->set_unmonitored_address("10.0.0.5");
  middle->mutable_session()->set_title("unseen");
  middle->mutable_hop()->clear_server();
  middle->mutable_hop()->set_proof(v1::PROOF_UNSPECIFIED);
  v1::PathStep* last = AddStep("db", "root", 1, 20, &path);
  last->mutable_hop()->clear_client();
  last->mutable_hop()->set_proof(v1::PROOF_UNSPECIFIED);
  last->set_proof(v1::INFERRED);
  last->set_probability(0.63);
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kPlain);
  EXPECT_THAT(tree, HasSubstr("10.0.0.5 (unmonitored) as unseen"));
  EXPECT_THAT(tree, HasSubstr("hop 1  one end only (no agent at the other)"));
  EXPECT_THAT(tree, HasSubstr("hop 2  INFERRED p=0.63"));
  EXPECT_THAT(tree, HasSubstr("0 of 2 PROVEN"));
}

TEST_F(PathTreeTest, ContainerAsRoot_IsNamed) {
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
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kPlain);
  EXPECT_THAT(tree, HasSubstr("\nbegins on web: container 3f2a1b4c5d6e running node (root)\n"));
  EXPECT_THAT(tree, HasSubstr("web as container 3f2a1b4c5d6e running node (root)  "));
  EXPECT_THAT(tree, HasSubstr("container 3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
                              "5e6f70\n"));
}

TEST_F(PathTreeTest, ConsoleLoginAsRoot_IsNamed) {
  v1::Path path;
  path.set_name("sessions/abcd");
  v1::PathStep* root = AddStep("gw", "staff", -1, 0, &path);
  root->clear_hop();
  root->mutable_session()->set_kind(v1::CONSOLE);
  v1::PathStep* su = AddStep("gw", "root", 0, 100, &path);
  su->clear_hop();
  su->set_link("su");
  const std::map<std::string, v1::Detection> none;
  const std::string tree = RenderPathTree({&path, nullptr, &none}, kPlain);
  EXPECT_THAT(tree, HasSubstr("begins on gw: console login of staff\n"));
  EXPECT_THAT(tree, HasSubstr("su, same host\n"));
  EXPECT_THAT(tree, HasSubstr("CHANGED staff → root\n"));
  EXPECT_THAT(tree, Not(HasSubstr("outside")));
}

}  // namespace
}  // namespace hoptrail::cli
