#ifndef HOPTRAIL_CORE_WIRE_TESTING_H_
#define HOPTRAIL_CORE_WIRE_TESTING_H_

// Values with every field set, for tests of the wire format.

#include <vector>

#include "core/model/fact.h"

namespace hoptrail::wire {

inline model::HostId TestHost() {
  model::HostId host;
  host.machine.bytes[0] = 0xaa;
  host.boot.bytes[0] = 0xbb;
  return host;
}

inline model::SessionId TestSessionId(uint8_t n) {
  model::SessionId id;
  id.bytes[0] = n;
  return id;
}

inline model::Flow TestFlow() {
  return {{*model::ParseIpAddress("192.0.2.9"), 40000},
          {*model::ParseIpAddress("2001:db8::1"), 22}};
}

inline model::Session TestSession() {
  model::Session s;
  s.id = TestSessionId(1);
  s.host = TestHost();
  s.first_process = {4242, 123456789};
  s.kind = model::EntryKind::kRemote;
  s.logged_in = true;
  s.uid = 1000;
  s.user = "staff";
  s.login_uid = 1000;
  s.audit_session = 7;
  s.entry = model::Entry{{0xbcd899a2, 0x6388a617}, TestFlow(), 123456000};
  s.authentication = {model::AuthMethod::kPublicKey,
                      "staff",
                      "sshd",
                      "192.0.2.9",
                      "ED25519",
                      "SHA256:abc",
                      "cert-1",
                      true};
  s.program = "/usr/sbin/sshd";
  s.unit = "ssh.service";
  s.terminal = "pts/3";
  s.caused_by = TestSessionId(2);
  s.opened_boot_ns = 123456790;
  s.opened_wall_ns = 1'700'000'000'123'456'789;
  s.login_ended_wall_ns = 1'700'000'001'000'000'000;
  s.closed_wall_ns = 1'700'000'002'000'000'001;
  s.drivers = {{.session = TestSessionId(3), .method = "ptrace", .probability = 0.75}};
  return s;
}

inline model::HopEnd TestHopEnd() {
  model::HopEnd e;
  e.side = model::HopSide::kServer;
  e.host = TestHost();
  e.session = TestSessionId(1);
  e.opened_session = true;
  e.process = {77, 88};
  e.program = "/usr/sbin/sshd";
  e.uid = 5;
  e.user = "games";
  e.hop_key = {1, 2};
  e.flow = TestFlow();
  e.network_namespace = 4026531840;
  e.established_boot_ns = 99;
  e.established_wall_ns = 1'700'000'000'000'000'001;
  e.rtt_us = 250;
  e.bytes_sent = 1000;
  e.bytes_received = 2000;
  e.closed_wall_ns = 1'700'000'003'000'000'000;
  e.drivers = {{.hop_key = {3, 4}, .probability = 0.5, .later = true},
               {.session = TestSessionId(3), .method = "ssh mux", .probability = 0.25}};
  e.drives = true;
  return e;
}

inline model::Detection TestDetection() {
  model::Detection d;
  d.id.bytes[0] = 3;
  d.rule = "pivot";
  d.title = "A remote session went on";
  d.techniques = {"T1021.004"};
  d.severity = model::Severity::kHigh;
  d.session = TestSessionId(1);
  d.session_process = {4242, 123456789};
  d.occurrence = "10.0.0.2:22";
  d.host = TestHost();
  d.wall_ns = 1'700'000'000'000'000'000;
  d.summary = "staff went on to 10.0.0.2:22";
  d.evidence = {{"destination", "10.0.0.2:22"}, {"program", "/usr/bin/ssh"}};
  return d;
}

inline model::Incident TestIncident() {
  model::Incident i;
  i.id.bytes[0] = 4;
  i.root = TestSessionId(1);
  i.state = model::IncidentState::kAcknowledged;
  i.severity = model::Severity::kCritical;
  i.title = "staff from 192.0.2.9: gw → web";
  i.detections = {TestDetection().id};
  i.sessions = {TestSessionId(1), TestSessionId(2)};
  i.opened_wall_ns = 1;
  i.updated_wall_ns = 1'700'000'000'000'000'000;
  i.changed_by = "alice";
  i.merged_into.bytes[0] = 5;
  return i;
}

inline model::Provenance TestProvenance() {
  return {TestSessionId(1),
          TestSessionId(2),
          TestHost(),
          "gw",
          "staff",
          1,
          {"staff@gw", "deploy@web"},
          true};
}

// One of each kind.
inline std::vector<model::Fact> TestFacts() {
  const int64_t wall = 1'700'000'000'000'000'000;
  const model::IpAddress peer = TestFlow().client.address;
  return {
      TestSession(),
      TestHopEnd(),
      model::LoginAttempt{TestHost(), TestSessionId(1), "root", "sshd", TestFlow().client,
                          model::AuthMethod::kPassword, false, wall},
      model::EdgeCount{TestHost(), model::HopSide::kClient, "/usr/bin/curl", 33, peer, 443, wall, 3,
                       1, 10, 20},
      TestDetection(),
      model::Coverage{TestHost(),
                      "6.1.0",
                      {{"accept",
                        "tp_btf/sock_recv_length",
                        3,
                        {"fexit/inet_csk_accept: EPERM"},
                        {"accept by io_uring"}}}},
      model::Loss{TestHost(), "ring/low", "fork", 3, 12, wall, wall + 1},
      model::AgentHealth{TestHost(),
                         "gw",
                         "0.1.0",
                         wall,
                         wall + 5,
                         1,
                         2,
                         3,
                         4,
                         {peer},
                         {{model::DegradationKind::kSpoolFull, "spool of 256 MiB", wall}}},
      model::Interference{TestHost(), model::InterferenceKind::kEnded, "the worker ended", wall},
  };
}

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_TESTING_H_
