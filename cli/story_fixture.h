#ifndef HOPTRAIL_CLI_STORY_FIXTURE_H_
#define HOPTRAIL_CLI_STORY_FIXTURE_H_

// For tests: the path of a story over four hosts, and steps for other paths.

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "cli/path_model.h"
#include "cli/view_testing.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {

using ::google::protobuf::util::TimeUtil;

inline constexpr int64_t kStart = 1'795'327'205'000;  // 2026-11-22 06:00:05 UTC, in ms

inline void SetFlow(const std::string& client, uint32_t client_port, const std::string& server,
                    uint32_t server_port, v1::Flow* flow) {
  flow->mutable_client()->set_address(client);
  flow->mutable_client()->set_port(client_port);
  flow->mutable_server()->set_address(server);
  flow->mutable_server()->set_port(server_port);
}

// Adds a step whose connection both ends reported.
inline v1::PathStep* AddStep(const std::string& host, const std::string& user, int parent,
                             int64_t at_ms, v1::Path* path) {
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
    step->set_proof(v1::PROVEN);
    step->set_probability(1);
    v1::HopEnd* client = step->mutable_hop()->mutable_client();
    client->set_program("/usr/bin/ssh");
    client->set_user(path->steps(parent).session().user());
  }
  return step;
}

inline void SetKey(const std::string& fingerprint, v1::PathStep* step) {
  v1::Authentication* authentication = step->mutable_session()->mutable_authentication();
  authentication->set_method(v1::PUBLIC_KEY);
  authentication->set_key_type("ED25519");
  authentication->set_key_fingerprint(fingerprint);
}

inline v1::Detection MakeDetection(const std::string& rule, v1::Severity severity,
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
class StoryFixture : public ::testing::Test {
 protected:
  StoryFixture() {
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

  // Adds text that acts on a terminal to every field that a host or a person fills in.
  void MakeHostile() {
    const std::string evil = "\x1b[2J\x1b]0;x\x07\r\n\u202e\xc2\x9b";
    for (v1::PathStep& step : *path_.mutable_steps()) {
      v1::Session* session = step.mutable_session();
      for (std::string* field :
           {session->mutable_name(), session->mutable_host_name(), session->mutable_user(),
            session->mutable_terminal(), session->mutable_unit(), session->mutable_title(),
            step.add_origin_hosts()->mutable_host_name(),
            step.add_origin_hosts()->mutable_program(), step.mutable_link(),
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
  }

  v1::Path path_;
  v1::Incident incident_;
  std::map<std::string, v1::Detection> detections_;
};

// `text` must not act on a terminal, and must show that MakeHostile() was called.
inline void ExpectEscaped(const std::string& text) {
  for (char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    ASSERT_TRUE(byte == '\n' || (byte >= 0x20 && byte != 0x7f)) << int{byte};
  }
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("\u202e")));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("\xc2\x9b")));
  EXPECT_THAT(text, ::testing::HasSubstr("x1b[2J"));
}

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_STORY_FIXTURE_H_
