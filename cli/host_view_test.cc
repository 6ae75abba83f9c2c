#include "cli/host_view.h"

#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/view_testing.h"
#include <hoptrail/v1/fleet.pb.h>

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Host MakeHost() {
  v1::Host host;
  host.set_name("hosts/00112233445566778899aabbccddeeff");
  host.set_host_name("web");
  host.set_state(v1::CONNECTED);
  host.mutable_last_seen_time()->set_seconds(1'795'327'205);
  host.set_agent_version("0.1.0");
  host.mutable_coverage()->set_kernel_release("6.1.0");
  host.set_events(12345);
  host.set_resident_bytes(3 << 19);
  v1::SourceCoverage* accept = host.mutable_coverage()->add_sources();
  accept->set_source("accept");
  accept->set_hook("tp_btf/sock_recv_length");
  accept->set_tier(3);
  accept->add_refusals("fexit/inet_csk_accept: load refused: EPERM");
  accept->add_refusals("kprobe/security_sock_graft: no kprobes");
  accept->add_misses("accept by io_uring");
  return host;
}

void Degrade(v1::DegradationKind kind, const std::string& detail, v1::Host* host) {
  v1::Degradation* degradation = host->add_degradations();
  degradation->set_kind(kind);
  degradation->set_detail(detail);
  degradation->mutable_since_time()->set_seconds(1'795'327'000);
}

TEST(HostViewTest, Hosts_AreATable) {
  EXPECT_EQ(
      RenderHosts({MakeHost()}, false, kPlain),
      "HOST  STATE      LAST SEEN (UTC)          AGENT  KERNEL  EVENTS  LOST  SPOOLED  MEMORY   "
      "SEES\n"
      "web   CONNECTED  2026-11-22 06:00:05.000  0.1.0  6.1.0   12345   0     0        1.5 MiB  "
      "1 source\n");
  EXPECT_EQ(RenderHosts({}, true, kPlain), "No host has an agent yet.\n");
}

TEST(HostViewTest, BlindSource_IsNamedAndRefusalsAreShown) {
  v1::Host host = MakeHost();
  host.mutable_coverage()->add_sources()->set_source("pam");
  v1::Loss* loss = host.add_losses();
  loss->set_where("ring/low");
  loss->set_type("exec");
  loss->set_count(7);
  const std::string text = RenderHosts({host}, true, kPlain);
  EXPECT_THAT(text, HasSubstr("1 of 2 sources, blind: pam\n"));
  EXPECT_THAT(text, HasSubstr("accept  tp_btf/sock_recv_length  3     accept by io_uring  "
                              "fexit/inet_csk_accept: load"));
  EXPECT_THAT(text, HasSubstr("kprobe/security_sock_graft: no kprobes\n"));
  EXPECT_THAT(text, HasSubstr("pam     BLIND "));
  EXPECT_THAT(text, HasSubstr("lost 7 exec at ring/low"));
}

TEST(HostViewTest, DegradedHost_ShowsTheDegradationBesideTheState) {
  v1::Host host = MakeHost();
  Degrade(v1::SPOOL_FULL, "", &host);
  Degrade(v1::CLOCK_STEPPED, "", &host);
  EXPECT_THAT(RenderHosts({host}, false, kPlain),
              HasSubstr("web   CONNECTED, DEGRADED: spool full, clock stepped  2026-"));
  for (int kind = v1::DegradationKind_MIN + 1; kind <= v1::DegradationKind_MAX; ++kind) {
    v1::Degradation one;
    one.set_kind(static_cast<v1::DegradationKind>(kind));
    EXPECT_THAT(DegradationWord(one), Not(HasSubstr("reason "))) << kind;
  }
  v1::Degradation newer;
  newer.set_kind(static_cast<v1::DegradationKind>(99));
  EXPECT_EQ(DegradationWord(newer), "reason 99");
}

TEST(HostViewTest, NarrowTerminal_EveryLineFits) {
  v1::Host host = MakeHost();
  host.set_host_name("a-rather-long-host-name.example.com");
  host.mutable_coverage()->set_kernel_release("6.1.0-37-cloud-amd64-debian");
  host.mutable_coverage()->add_sources()->set_source("pam");
  Degrade(v1::STATE_UNWRITABLE, "", &host);
  for (const size_t width : {60u, 80u}) {
    const Style style = {.utc = true, .width = width};
    const std::string table = RenderHosts({host, MakeHost()}, false, style);
    ExpectFits(table, width);
    EXPECT_THAT(table, HasSubstr("DEGRADED"));
    EXPECT_THAT(table, HasSubstr("(UTC)"));
    EXPECT_THAT(table, HasSubstr("LOST"));
    EXPECT_THAT(table, HasSubstr("(not shown: "));
    ExpectFits(RenderHosts({host}, true, style), width);
    ExpectFits(RenderHost(host, style), width);
  }
  EXPECT_THAT(RenderHosts({host}, false, kPlain), Not(HasSubstr("not shown")));
}

TEST(HostViewTest, OneHost_IsShownWithItsBootsAndDegradations) {
  v1::Host host = MakeHost();
  host.add_addresses("10.0.0.1");
  host.add_addresses("2001:db8::1");
  host.set_acknowledged_sequence(77);
  host.set_clock_offset_ns(-2'500'000);
  Degrade(v1::STATE_UNWRITABLE, "/var/lib/hoptrail/spool.db: No space left on device", &host);
  for (int i = 0; i < 2; ++i) {
    v1::Boot* boot = host.add_boots();
    boot->set_name(absl::StrCat(host.name(), ".", std::string(32, 'a' + i)));
    boot->set_state(i == 0 ? v1::CONNECTED : v1::SILENT);
    boot->mutable_first_seen_time()->set_seconds(1'795'000'000 - i * 86400);
    boot->mutable_last_seen_time()->set_seconds(1'795'327'205 - i * 86400);
  }
  const std::string text = RenderHost(host, kPlain);
  EXPECT_THAT(text, HasSubstr("web  CONNECTED, DEGRADED\nid         hosts/0011"));
  EXPECT_THAT(text, HasSubstr("degraded   state unwritable since 2026-11-22 05:56:40.000: "
                              "/var/lib/hoptrail/spool.db: No space left on device\n"));
  EXPECT_THAT(text, HasSubstr("addresses  10.0.0.1, 2001:db8::1\n"));
  EXPECT_THAT(text, HasSubstr("12345 read, 0 lost, 0 waiting in the spool, acknowledged up to 77"));
  EXPECT_THAT(text, HasSubstr("-2.5 ms from"));
  EXPECT_THAT(text, HasSubstr("BOOT                              STATE      FIRST SEEN (UTC)"));
  EXPECT_THAT(text, HasSubstr(std::string(32, 'a') + "  CONNECTED  2026-11-18"));
  EXPECT_THAT(text, HasSubstr(std::string(32, 'b') + "  SILENT     2026-11-17"));
  EXPECT_THAT(text, HasSubstr("accept  tp_btf/sock_recv_length"));
}

TEST(HostViewTest, RemovedHost_IsDescribed) {
  v1::Host host = MakeHost();
  host.set_state(v1::SILENT);
  host.add_boots();
  EXPECT_THAT(RenderRemoved(host, "", kPlain),
              HasSubstr("Removed web (hosts/00112233445566778899aabbccddeeff): 1 boot, last seen "
                        "2026-11-22 06:00:05.000 UTC, SILENT."));
  EXPECT_EQ(RenderRemoved(host, "hosts/0011.ffee", kPlain),
            "Removed one boot of web: hosts/0011.ffee\n");
}

TEST(HostViewTest, HostileText_IsEscaped) {
  v1::Host host = MakeHost();
  const std::string evil = "\x1b[2J\r\n\u202e";
  host.set_host_name("a" + evil);
  host.set_agent_version(evil);
  host.add_addresses(evil);
  host.mutable_coverage()->set_kernel_release(evil);
  host.mutable_coverage()->mutable_sources(0)->set_source(evil);
  host.mutable_coverage()->mutable_sources(0)->set_misses(0, evil);
  Degrade(v1::SPOOL_FULL, evil, &host);
  host.add_boots()->set_name("hosts/a." + evil);
  const std::string text = RenderHosts({host}, true, kPlain) + RenderHost(host, kPlain) +
                           RenderRemoved(host, "", kPlain) + RenderRemoved(host, evil, kPlain);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace hoptrail::cli
