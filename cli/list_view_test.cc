#include "cli/list_view.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/time_zone_testing.h"
#include "cli/view_testing.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Session MakeSession(const std::string& id) {
  v1::Session session;
  session.set_name("sessions/" + id);
  session.set_host("hosts/00112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100");
  session.set_kind(v1::REMOTE);
  session.set_uid(1000);
  session.mutable_open_time()->set_seconds(1'795'327'205);
  session.mutable_entry_flow()->mutable_client()->set_address("2001:db8::1");
  session.mutable_entry_flow()->mutable_client()->set_port(7);
  return session;
}

v1::Detection MakeDetection() {
  v1::Detection detection;
  detection.set_rule("pivot");
  detection.set_host_name("web-01.example.com");
  detection.set_severity(v1::HIGH);
  detection.set_session("sessions/0123456789abcdef0123456789abcdef");
  detection.set_incident("incidents/3fa2c81d90ab00000000000000000000");
  detection.set_title("A remote session goes on");
  detection.set_summary("deploy went on from web to db with /usr/bin/ssh, as it never did before");
  detection.mutable_time()->set_seconds(1'795'327'205);
  return detection;
}

TEST(ListViewTest, Sessions_AreATable) {
  EXPECT_EQ(RenderSessions({MakeSession("0123456789abcdef0123456789abcdef")}, kPlain),
            "SESSION       HOST          USER      KIND    OPENED (UTC)             STATE  FROM"
            "             IN BY\n"
            "0123456789ab  001122334455  uid 1000  remote  2026-11-22 06:00:05.000  open   "
            "[2001:db8::1]:7  no login seen\n");
}

TEST(ListViewTest, NarrowTerminal_EveryLineFits) {
  v1::Session session = MakeSession("0123456789abcdef0123456789abcdef");
  session.set_logged_in(true);
  session.set_user("deploy");
  session.mutable_authentication()->set_method(v1::PUBLIC_KEY);
  session.mutable_authentication()->set_key_fingerprint("SHA256:" + std::string(43, 'k'));
  for (const size_t width : {60u, 80u}) {
    const Style style = {.utc = true, .width = width};
    const std::string sessions = RenderSessions({session}, style);
    ExpectFits(sessions, width);
    EXPECT_THAT(sessions, HasSubstr("\n01234567"));
    EXPECT_THAT(sessions, HasSubstr("OPENED (UTC)"));
    const std::string detections = RenderDetections({MakeDetection()}, style);
    ExpectFits(detections, width);
    EXPECT_THAT(detections, HasSubstr("HIGH"));
    EXPECT_THAT(detections, HasSubstr("deploy went on"));
    ExpectFits(RenderWatched(MakeDetection(), true, style), width);
  }
}

TEST(ListViewTest, Ids_AreCutOnlyWhileTheyStayDistinct) {
  const Style narrow = {.utc = true, .width = 80};
  const std::string text = RenderSessions({MakeSession("0123456789abcdef0123456789abcdef"),
                                           MakeSession("01234567ffffffffffffffffffffffff")},
                                          narrow);
  EXPECT_THAT(text, HasSubstr("0123456789ab  "));
  EXPECT_THAT(text, HasSubstr("01234567ffff  "));
}

TEST(ListViewTest, Times_AreLocalUnlessUtcIsAsked) {
  const TimeZone berlin("Europe/Berlin");
  const std::string winter = RenderDetections({MakeDetection()}, Style());
  EXPECT_THAT(winter, HasSubstr("TIME (CET) "));
  EXPECT_THAT(winter, HasSubstr("2026-11-22 07:00:05.000"));
  v1::Detection summer = MakeDetection();
  summer.mutable_time()->set_seconds(1'782'108'005);
  const std::string both = RenderDetections({MakeDetection(), summer}, Style());
  EXPECT_THAT(both, HasSubstr("TIME (Europe/Berlin) "));
  EXPECT_THAT(both, HasSubstr("2026-06-22 08:00:05.000"));
  EXPECT_THAT(RenderDetections({summer}, {.utc = true}), HasSubstr("2026-06-22 06:00:05.000"));
  EXPECT_THAT(RenderWatched(summer, false, Style()),
              HasSubstr("2026-06-22 08:00:05.000 CEST  HIGH"));
}

TEST(ListViewTest, TimeZone_IsTakenFromTZ) {
  const TimeZone india(":Asia/Kolkata");
  EXPECT_THAT(RenderDetections({MakeDetection()}, Style()), HasSubstr("2026-11-22 11:30:05.000"));
  const TimeZone posix("XYZ-3");
  EXPECT_THAT(RenderDetections({MakeDetection()}, Style()), HasSubstr("TIME (XYZ) "));
  EXPECT_THAT(RenderDetections({MakeDetection()}, Style()), HasSubstr("2026-11-22 09:00:05.000"));
  EXPECT_THAT(RenderDetections({v1::Detection()}, Style()), HasSubstr("TIME (XYZ)"));
}

TEST(ListViewTest, LoginAsAnotherUserThanTheAccount_ShowsBoth) {
  v1::Session session = MakeSession("0123456789abcdef0123456789abcdef");
  session.set_logged_in(true);
  session.set_user("bob");
  session.mutable_authentication()->set_method(v1::PASSWORD);
  session.mutable_authentication()->set_verified(true);
  session.mutable_authentication()->set_user("root");
  const std::string table = RenderSessions({session}, kPlain);
  EXPECT_THAT(table, HasSubstr("bob"));
  EXPECT_THAT(table, HasSubstr("password for account root"));
  session.mutable_authentication()->set_user("bob");
  EXPECT_THAT(RenderSessions({session}, kPlain), Not(HasSubstr("account")));
}

TEST(ListViewTest, SessionWithoutLogin_ShowsItsTitle) {
  v1::Session session;
  session.set_name("sessions/0123456789abcdef0123456789abcdef");
  session.set_kind(v1::SERVICE);
  session.set_uid(33);
  session.set_unit("nginx.service");
  session.set_title("service nginx.service (www-data)");
  EXPECT_THAT(RenderSessions({session}, kPlain), HasSubstr("  service nginx.service (www-data)\n"));
  session.set_kind(v1::CRON);
  session.set_title("cron job backup.sh of backup");
  EXPECT_THAT(RenderSessions({session}, kPlain), HasSubstr("  cron job backup.sh of backup\n"));
  // An older collector sends no title.
  session.clear_title();
  EXPECT_THAT(RenderSessions({session}, kPlain), HasSubstr("  cron of uid 33\n"));
}

TEST(ListViewTest, EmptyLists_SaySo) {
  EXPECT_EQ(RenderSessions({}, kPlain), "No such session.\n");
  EXPECT_EQ(RenderDetections({}, kPlain), "Nothing was detected.\n");
}

TEST(ListViewTest, HostileText_IsEscaped) {
  v1::Detection detection;
  detection.set_host_name("a\x1b[31m");
  detection.set_summary("x\ny");
  const std::string text =
      RenderDetections({detection}, kPlain) + RenderWatched(detection, true, kPlain);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("x\\x0ay"));
}

}  // namespace
}  // namespace hoptrail::cli
