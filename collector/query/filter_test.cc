#include "collector/query/filter.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/net.h"

namespace hoptrail::collector::query {
namespace {

using ::testing::HasSubstr;

std::string Fault(absl::string_view text) {
  const auto filter = ParseDetectionFilter(text);
  return filter.ok() ? "accepted" : std::string(filter.status().message());
}

TEST(Filter, EmptyFilter_MatchesEverything) {
  for (const char* text : {"", "  ", "\n"}) {
    const auto filter = ParseDetectionFilter(text);
    ASSERT_TRUE(filter.ok()) << filter.status();
    EXPECT_FALSE(filter->rule.has_value());
  }
}

TEST(Filter, Terms_AreJoinedByAnd) {
  const auto filter =
      ParseDetectionFilter(" rule=pivot  AND\thost_name = \"gw\" AND severity >= high ");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->rule, "pivot");
  EXPECT_EQ(filter->host_name, "gw");
  EXPECT_EQ(filter->least_severity, model::Severity::kHigh);
  EXPECT_FALSE(filter->severity.has_value());
}

TEST(Filter, QuotedValue_MayContainAnything) {
  EXPECT_EQ(ParseSessionFilter(R"(user = "a\" AND \\ (b) = größer")")->user,
            "a\" AND \\ (b) = größer");
  EXPECT_EQ(ParseSessionFilter("user = \"\"")->user, "");
  EXPECT_EQ(ParseSessionFilter("user = \"AND\"")->user, "AND");
  EXPECT_EQ(ParseEdgeFilter("program = /usr/bin/ssh-1.2,x")->program, "/usr/bin/ssh-1.2,x");
}

TEST(Filter, MissingFieldOperatorOrValue_IsRefused) {
  EXPECT_EQ(
      Fault("rule ="),
      "filter: character 7: a value is expected after 'rule =', not the end; an empty one is \"\"");
  EXPECT_THAT(Fault("rule = "), HasSubstr("character 8: a value is expected"));
  EXPECT_THAT(Fault("rule = AND severity = HIGH"), HasSubstr("character 8: a value is expected"));
  EXPECT_THAT(Fault("severity >="), HasSubstr("character 12: a value is expected"));
  EXPECT_THAT(Fault("rule = ) AND severity = HIGH"), HasSubstr("character 8: a value is expected"));
  EXPECT_THAT(Fault("rule"),
              HasSubstr("character 5: an operator is expected after 'rule', not the end"));
  EXPECT_THAT(Fault("rule pivot"), HasSubstr("character 6: an operator is expected"));
  EXPECT_THAT(Fault("= pivot"), HasSubstr("character 1: a field's name is expected, not '='"));
  EXPECT_THAT(Fault("AND"), HasSubstr("character 1: a field's name is expected, not AND"));
  EXPECT_THAT(Fault("\"rule\" = x"), HasSubstr("character 1: a field's name is expected"));
}

TEST(Filter, AnythingButAndBetweenTerms_IsRefused) {
  EXPECT_THAT(Fault("rule = a OR rule = b"),
              HasSubstr("character 10: ' AND ' is expected between terms, not 'OR'"));
  EXPECT_THAT(Fault("rule = a, severity = HIGH"), HasSubstr("character 11: ' AND ' is expected"));
  EXPECT_THAT(Fault("rule = a and severity = HIGH"), HasSubstr("character 10: ' AND '"));
  EXPECT_THAT(Fault("rule = a severity = HIGH"), HasSubstr("character 10: ' AND '"));
  EXPECT_THAT(Fault("rule = \"a\"AND severity = HIGH"), HasSubstr("character 11: ' AND '"));
  EXPECT_THAT(Fault("rule = a AND\"x\""), HasSubstr("character 10: ' AND '"));
  EXPECT_THAT(Fault("rule = a AND"), HasSubstr("character 10: "));
  EXPECT_THAT(Fault("rule = a AND "), HasSubstr("character 10: a term is expected after AND"));
  EXPECT_THAT(Fault("rule = a AND AND severity = HIGH"), HasSubstr("character 14: a field's name"));
  EXPECT_THAT(Fault("rule = a)"), HasSubstr("character 9: ' AND '"));
  EXPECT_THAT(Fault("(rule = a)"), HasSubstr("character 1: a field's name"));
  EXPECT_THAT(Fault("NOT rule = a"), HasSubstr("character 1: a field's name is expected, not NOT"));
}

TEST(Filter, MalformedQuoteEscapeOrControlCharacter_IsRefused) {
  EXPECT_THAT(Fault("rule = \"a"), HasSubstr("character 8: a quoted value has no end"));
  EXPECT_THAT(Fault("rule = \"a\\"), HasSubstr("character 8: a quoted value has no end"));
  EXPECT_THAT(Fault("rule = \"a\\n\""), HasSubstr("character 10: only \\\" and \\\\"));
  EXPECT_THAT(Fault("rule = a\\b"), HasSubstr("character 9: ' AND '"));
  EXPECT_THAT(Fault("rule = \"a\nb\""), HasSubstr("character 10: a control character"));
  EXPECT_THAT(Fault(absl::string_view("rule = a\0b", 10)),
              HasSubstr("character 9: a control character"));
  EXPECT_THAT(Fault("rule = \x1b[2J"), HasSubstr("character 8: a control character"));
  EXPECT_THAT(Fault(std::string(5000, ' ')), HasSubstr("over 4096 bytes"));
}

TEST(Filter, UnknownFieldOrOperator_IsRefused) {
  EXPECT_THAT(Fault("colour = red"), HasSubstr("character 1: no field 'colour'; there are rule, "));
  EXPECT_THAT(Fault("rule == x"), HasSubstr("character 6: the operator '==' does not fit rule"));
  EXPECT_THAT(Fault("rule >= x"), HasSubstr("character 6: the operator '>='"));
  EXPECT_THAT(Fault("severity != HIGH"), HasSubstr("character 10: the operator '!='"));
  EXPECT_THAT(Fault("rule = a AND rule = b"), HasSubstr("character 14: rule is given twice"));
  EXPECT_EQ(Fault("severity = HIGH AND severity >= LOW"), "accepted");
}

TEST(Filter, ValueOfTheWrongKind_IsRefused) {
  EXPECT_THAT(Fault("severity = DIRE"), HasSubstr("character 12: 'DIRE' is none of INFO, LOW"));
  EXPECT_THAT(Fault("severity = SEVERITY_UNSPECIFIED"), HasSubstr("is none of INFO"));
  EXPECT_THAT(Fault("session = x"), HasSubstr("character 11: 'x' is no name"));
  const auto fault = [](absl::string_view text) {
    return std::string(ParseEdgeFilter(text).status().message());
  };
  for (const char* port : {"-1", "+22", "65536", "22x", "\" 22\"", "\"\""}) {
    EXPECT_THAT(fault(std::string("server_port = ") + port), HasSubstr("is no port")) << port;
  }
  EXPECT_THAT(fault("protocol = 0"), HasSubstr("is no protocol number"));
  EXPECT_THAT(fault("protocol = 256"), HasSubstr("is no protocol number"));
  EXPECT_THAT(fault("peer = 192.0.2"), HasSubstr("is no address"));
  EXPECT_EQ(ParseEdgeFilter("server_port = 22")->server_port, 22);
  EXPECT_EQ(model::ToString(*ParseEdgeFilter("peer = 2001:db8::1")->peer), "2001:db8::1");
  EXPECT_THAT(std::string(ParseSessionFilter("open = yes").status().message()),
              HasSubstr("'yes' is not true or false"));
}

class FilterFields : public testing::Test {
 protected:
  const std::string host_ = "hosts/" + std::string(32, '1') + "." + std::string(32, '2');
  const std::string session_ = "sessions/" + std::string(32, '3');
  const std::string incident_ = "incidents/" + std::string(32, '4');

  static model::HostId Host() {
    model::HostId host;
    host.machine.bytes.fill(0x11);
    host.boot.bytes.fill(0x22);
    return host;
  }
  static model::SessionId Session() {
    model::SessionId session;
    session.bytes.fill(0x33);
    return session;
  }
};

TEST_F(FilterFields, SessionFilter_ParsesEveryField) {
  const auto filter = ParseSessionFilter("host = " + host_ +
                                         " AND host_name = gw AND user = ann AND kind = REMOTE AND"
                                         " logged_in = true AND open = false");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->host, Host());
  EXPECT_EQ(filter->host_name, "gw");
  EXPECT_EQ(filter->user, "ann");
  EXPECT_EQ(filter->kinds, std::vector{model::EntryKind::kRemote});
  EXPECT_EQ(filter->logged_in, true);
  EXPECT_EQ(filter->open, false);
  EXPECT_FALSE(filter->active_since_wall_ns.has_value()) << "clients cannot filter by it";
}

TEST_F(FilterFields, HopFilter_ParsesEveryFieldAndAMachineWithoutABoot) {
  const auto filter = ParseHopFilter("host = hosts/" + std::string(32, '1') +
                                     " AND session = " + session_ + " AND proof = INFERRED");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->host, (model::HostId{Host().machine, {}})) << "all boots";
  EXPECT_EQ(filter->session, Session());
  EXPECT_EQ(filter->proof, model::Proof::kInferred);
}

TEST_F(FilterFields, EdgeFilter_ParsesEveryField) {
  const auto filter = ParseEdgeFilter("host = " + host_ +
                                      " AND peer = 192.0.2.9 AND program = /usr/bin/ssh AND"
                                      " server_port = 65535 AND protocol = 17 AND side = SERVER");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->host, Host());
  EXPECT_EQ(filter->peer, *model::ParseIpAddress("192.0.2.9"));
  EXPECT_EQ(filter->program, "/usr/bin/ssh");
  EXPECT_EQ(filter->server_port, 65535);
  EXPECT_EQ(filter->protocol, 17);
  EXPECT_EQ(filter->side, model::HopSide::kServer);
  EXPECT_FALSE(ParseEdgeFilter("server_port = 65536").ok());
  EXPECT_FALSE(ParseEdgeFilter("protocol = 256").ok());
}

TEST_F(FilterFields, DetectionFilter_ParsesEveryField) {
  const auto filter = ParseDetectionFilter("session = " + session_ + " AND host = " + host_ +
                                           " AND incident = " + incident_ + " AND severity = LOW");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->session, Session());
  EXPECT_EQ(filter->host, Host());
  ASSERT_TRUE(filter->incident.has_value());
  EXPECT_EQ(filter->incident->bytes[0], 0x44);
  EXPECT_EQ(filter->severity, model::Severity::kLow);
  EXPECT_FALSE(filter->least_severity.has_value());
}

TEST_F(FilterFields, IncidentAndHostFilters_ParseEveryField) {
  const auto incidents =
      ParseIncidentFilter("state = OPEN AND severity >= MEDIUM AND root = " + session_);
  ASSERT_TRUE(incidents.ok()) << incidents.status();
  EXPECT_EQ(incidents->state, model::IncidentState::kOpen);
  EXPECT_EQ(incidents->least_severity, model::Severity::kMedium);
  EXPECT_EQ(incidents->root, Session());
  const auto hosts = ParseHostFilter("host_name = web AND state = SILENT");
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  EXPECT_EQ(hosts->host_name, "web");
  EXPECT_EQ(hosts->state, store::HostState::kSilent);
}

}  // namespace
}  // namespace hoptrail::collector::query
