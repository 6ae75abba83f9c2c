#include "cli/list_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Style kPlain = {.colour = false, .utf8 = true};

v1::Host MakeHost() {
  v1::Host host;
  host.set_name("hosts/00112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100");
  host.set_host_name("web");
  host.set_state(v1::CONNECTED);
  host.mutable_last_seen_time()->set_seconds(1'795'327'205);
  host.set_agent_version("0.1.0");
  host.mutable_coverage()->set_kernel_release("6.1.0");
  host.set_events(12345);
  host.set_resident_bytes(3 << 19);
  v1::FactCoverage* accept = host.mutable_coverage()->add_facts();
  accept->set_fact("accept");
  accept->set_hook("tp_btf/sock_recv_length");
  accept->set_tier(3);
  accept->add_refusals("fexit/inet_csk_accept: load refused: EPERM");
  accept->add_refusals("kprobe/security_sock_graft: no kprobes");
  accept->add_misses("accept by io_uring");
  return host;
}

TEST(ListViewTest, ShowsHosts) {
  EXPECT_EQ(
      RenderHosts({MakeHost()}, false, kPlain),
      "HOST  STATE      LAST SEEN (UTC)          AGENT  KERNEL  EVENTS  LOST  SPOOLED  MEMORY   "
      "SEES\n"
      "web   CONNECTED  2026-11-22 06:00:05.000  0.1.0  6.1.0   12345   0     0        1.5 MiB  "
      "1 fact\n");
}

TEST(ListViewTest, NamesBlindFactsAndWhy) {
  v1::Host host = MakeHost();
  host.mutable_coverage()->add_facts()->set_fact("pam");
  v1::Loss* loss = host.add_losses();
  loss->set_where("ring/low");
  loss->set_type("exec");
  loss->set_count(7);
  const std::string text = RenderHosts({host}, true, kPlain);
  EXPECT_THAT(text, HasSubstr("1 of 2 facts, blind: pam\n"));
  EXPECT_THAT(text, HasSubstr("accept  tp_btf/sock_recv_length  3     accept by io_uring  "
                              "fexit/inet_csk_accept: load"));
  EXPECT_THAT(text, HasSubstr("kprobe/security_sock_graft: no kprobes\n"));
  EXPECT_THAT(text, HasSubstr("pam     BLIND "));
  EXPECT_THAT(text, HasSubstr("lost 7 exec at ring/low"));
}

TEST(ListViewTest, ShowsSessions) {
  v1::Session session;
  session.set_name("sessions/0123456789abcdef0123456789abcdef");
  session.set_host("hosts/00112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100");
  session.set_kind(v1::REMOTE);
  session.set_uid(1000);
  session.mutable_open_time()->set_seconds(1'795'327'205);
  session.mutable_entry_flow()->mutable_client()->set_address("2001:db8::1");
  session.mutable_entry_flow()->mutable_client()->set_port(7);
  EXPECT_EQ(RenderSessions({session}, kPlain),
            "SESSION       HOST          USER      KIND    OPENED (UTC)             STATE  FROM"
            "             IN BY\n"
            "0123456789ab  001122334455  uid 1000  remote  2026-11-22 06:00:05.000  open   "
            "[2001:db8::1]:7  no login seen\n");
}

TEST(ListViewTest, SaysWhatASessionIsThatIsNoLogin) {
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
  // A collector of before says no title.
  session.clear_title();
  EXPECT_THAT(RenderSessions({session}, kPlain), HasSubstr("  cron of uid 33\n"));
}

TEST(ListViewTest, EmptyListsSaySo) {
  EXPECT_EQ(RenderHosts({}, true, kPlain), "No host has an agent yet.\n");
  EXPECT_EQ(RenderIncidents({}, kPlain), "No incident.\n");
}

TEST(ListViewTest, EscapesWhatPeersSay) {
  v1::Detection detection;
  detection.set_host_name("a\x1b[31m");
  detection.set_summary("x\ny");
  v1::Incident incident;
  incident.set_title("t\x1b");
  const std::string text = RenderDetections({detection}, kPlain) +
                           RenderIncidents({incident}, kPlain) +
                           RenderWatched(detection, true, kPlain);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("x\\x0ay"));
}

TEST(ListViewTest, ColoursOnlyWhenAsked) {
  v1::Incident incident;
  incident.set_severity(v1::CRITICAL);
  EXPECT_THAT(RenderIncidents({incident}, {.colour = true, .utf8 = true}),
              HasSubstr("\x1b[1;31mCRITICAL\x1b[0m"));
  EXPECT_THAT(RenderIncidents({incident}, kPlain), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace hoptrail::cli
