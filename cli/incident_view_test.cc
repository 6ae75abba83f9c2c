#include "cli/incident_view.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/view_testing.h"
#include <hoptrail/v1/detection.pb.h>

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Incident MakeIncident() {
  v1::Incident incident;
  incident.set_name("incidents/3fa2c81d90ab00000000000000000000");
  incident.set_severity(v1::HIGH);
  incident.set_state(v1::ACKNOWLEDGED);
  incident.set_changed_by("alice");
  incident.set_title("staff from 192.0.2.9: gw → web → db → vault");
  incident.mutable_open_time()->set_seconds(1'795'327'205);
  incident.mutable_update_time()->set_seconds(1'795'327'305);
  incident.add_detections("detections/aa");
  return incident;
}

v1::Delivery* Deliver(v1::DeliveryState state, v1::Incident* incident) {
  v1::Delivery* delivery = incident->add_deliveries();
  delivery->set_notifier("pagerduty");
  delivery->set_state(state);
  delivery->set_attempts(5);
  delivery->mutable_attempt_time()->set_seconds(1'795'327'206);
  if (state == v1::RETRYING) {
    delivery->set_last_error("HTTP 403: blocked");
    delivery->mutable_next_attempt_time()->set_seconds(1'795'327'506);
  }
  return delivery;
}

void Degrade(const std::string& name, v1::Incident* incident) {
  v1::DegradedHost* host = incident->add_degraded_hosts();
  host->set_host("hosts/1");
  host->set_host_name(name);
  v1::Degradation* degradation = host->add_degradations();
  degradation->set_kind(v1::KERNEL_DETACHED);
  degradation->set_detail("no heartbeat for 10 s");
  degradation->mutable_since_time()->set_seconds(1'795'327'000);
}

TEST(IncidentViewTest, Incidents_AreATable) {
  EXPECT_EQ(RenderIncidents({}, kPlain), "No incident.\n");
  EXPECT_EQ(RenderIncidents({MakeIncident()}, kPlain),
            "INCIDENT      SEVERITY  STATE                  OPENED (UTC)             "
            "LAST CHANGE (UTC)        DETECTIONS  WHAT\n"
            "3fa2c81d90ab  HIGH      ACKNOWLEDGED by alice  2026-11-22 06:00:05.000  "
            "2026-11-22 06:01:45.000  1           staff from 192.0.2.9: gw → web → db → vault\n");
}

TEST(IncidentViewTest, Incident_ShowsItsPagesAndDegradedHosts) {
  v1::Incident incident = MakeIncident();
  Deliver(v1::DELIVERED, &incident);
  EXPECT_THAT(RenderIncidents({incident}, kPlain), HasSubstr("PAGE       WHAT"));
  EXPECT_THAT(RenderIncidents({incident}, kPlain), HasSubstr("1           delivered  staff"));
  // A page that did not arrive does not hide behind one that did.
  Deliver(v1::RETRYING, &incident)->set_notifier("webhook");
  Degrade("web", &incident);
  Degrade("db", &incident);
  const std::string table = RenderIncidents({incident}, kPlain);
  EXPECT_THAT(table, HasSubstr("1           RETRYING  web, db   staff"));
  const std::string heading = RenderIncidentHeading(incident, kPlain);
  EXPECT_THAT(heading, HasSubstr("page: pagerduty delivered 2026-11-22 06:00:06.000\n"));
  EXPECT_THAT(heading,
              HasSubstr("page: webhook RETRYING after 5 tries, last 2026-11-22 06:00:06.000, next "
                        "2026-11-22 06:05:06.000: HTTP 403: blocked\n"));
  EXPECT_THAT(heading, HasSubstr("degraded web: kernel detached since 2026-11-22 05:56:40.000: no "
                                 "heartbeat for 10 s\n"));
  incident.clear_deliveries();
  Deliver(v1::PENDING, &incident);
  EXPECT_THAT(RenderIncidentHeading(incident, kPlain), HasSubstr("page: pagerduty pending\n"));
}

TEST(IncidentViewTest, NarrowTerminal_EveryLineFits) {
  v1::Incident incident = MakeIncident();
  Deliver(v1::RETRYING, &incident);
  Degrade("a-rather-long-host-name.example.com", &incident);
  for (const size_t width : {60u, 80u}) {
    const Style style = {.utc = true, .width = width};
    const std::string table = RenderIncidents({incident}, style);
    ExpectFits(table, width);
    EXPECT_THAT(table, HasSubstr("3fa2c81d  HIGH"));
    EXPECT_THAT(table, HasSubstr("RETRYING"));
    EXPECT_THAT(table, HasSubstr("staff from 192.0.2"));
    ExpectFits(RenderIncidentHeading(incident, style), width);
  }
}

TEST(IncidentViewTest, OneIncident_ListsItsDetectionsOldestFirst) {
  v1::Incident incident = MakeIncident();
  incident.add_detections("detections/bb");
  incident.add_detections("detections/cc");
  std::map<std::string, v1::Detection> detections;
  detections["detections/aa"].set_rule("later");
  detections["detections/aa"].mutable_time()->set_seconds(200);
  detections["detections/bb"].set_rule("sooner");
  detections["detections/bb"].mutable_time()->set_seconds(100);
  const std::string text = RenderIncident(incident, detections, kPlain);
  EXPECT_THAT(text, HasSubstr("Incident 3fa2c81d90ab  HIGH  ACKNOWLEDGED by alice\n"));
  EXPECT_LT(text.find("sooner"), text.find("later"));
  EXPECT_THAT(text, HasSubstr("(1 detection is not kept any more, or not loaded)\n"));
}

TEST(IncidentViewTest, HostileText_IsEscaped) {
  const std::string evil = "\x1b[2J\n\u202e";
  v1::Incident incident = MakeIncident();
  incident.set_title(evil);
  incident.set_changed_by(evil);
  Deliver(v1::RETRYING, &incident)->set_last_error(evil);
  incident.mutable_deliveries(0)->set_notifier(evil);
  Degrade(evil, &incident);
  incident.mutable_degraded_hosts(0)->mutable_degradations(0)->set_detail(evil);
  const std::string text =
      RenderIncidents({incident}, kPlain) + RenderIncident(incident, {}, kPlain);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
}

TEST(IncidentViewTest, Colours_AreUsedOnlyWhenAsked) {
  v1::Incident incident = MakeIncident();
  incident.set_severity(v1::CRITICAL);
  EXPECT_THAT(RenderIncidents({incident}, {.colour = true}),
              HasSubstr("\x1b[1;31mCRITICAL\x1b[0m"));
  EXPECT_THAT(RenderIncidents({incident}, kPlain), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace hoptrail::cli
