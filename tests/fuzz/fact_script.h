#ifndef HOPTRAIL_TESTS_FUZZ_FACT_SCRIPT_H_
#define HOPTRAIL_TESTS_FUZZ_FACT_SCRIPT_H_

// Makes facts from a fuzzer's bytes. They are about three hosts with a few sessions and
// connections, so that they join, contradict and repeat each other. make_seeds.cc writes scripts in
// the order in which they are read here.

#include <string>

#include "core/model/fact.h"
#include "tests/fuzz/byte_source.h"

namespace hoptrail::fuzz {

class FactScript {
 public:
  // `source` outlives this.
  explicit FactScript(ByteSource* source) : source_(*source) {}

  static model::HostId Host(uint8_t which) {
    model::HostId host;
    host.machine.bytes[0] = static_cast<uint8_t>(1 + which % 3);
    host.boot.bytes[0] = 1;
    return host;
  }

  // 0 to 15: five sessions of each host; above: a session that was never opened.
  static model::SessionId SessionOf(uint8_t which) {
    if (which % 32 < 16) return model::DeriveSessionId(Host(which), First(which));
    model::SessionId id;
    if (which % 32 > 16) id.bytes[0] = which;
    return id;
  }

  // Reads the kind, the host, then the kind's fields.
  model::Fact Next() {
    const uint8_t kind = source_.Byte() % 8;
    host_ = Host(source_.Byte());
    switch (kind) {
      case 0:
        return Session();
      case 1:
        return Attempt();
      case 2:
        return Edge();
      case 3:
        return Detection();
      case 4:
        return model::Coverage{
            host_, source_.Text(), {{"accept", source_.Text(), 1, {}, {source_.Text()}}}};
      case 5:
        return model::Loss{host_,          "ring/low", "fork", source_.Byte(),
                           source_.Byte(), Wall(),     Wall()};
      case 6:
        return Health();
      default:
        return HopEnd();
    }
  }

 private:
  static model::ProcessKey First(uint8_t which) {
    return {100u + which % 16, 1'000'000'000ull * (1 + which % 16)};
  }

  int64_t Wall() {
    const uint8_t second = source_.Byte();
    if (second == 255) return static_cast<int64_t>(source_.Number(8) >> 1);
    return 1'700'000'000'000'000'000 + int64_t{second} * 1'000'000'000;
  }

  int64_t WallOrNone() { return (source_.Byte() & 1) != 0 ? Wall() : 0; }

  model::HopKey Key() {
    const uint8_t which = source_.Byte() % 8;
    if (which == 0) return {};
    return {which * 2654435761u, which * 40503u};
  }

  model::IpAddress Address() {
    model::IpAddress address = *model::ParseIpAddress("10.0.0.1");
    address.bytes[15] = static_cast<uint8_t>(source_.Byte() % 6);
    return address;
  }

  model::Flow Flow() {
    model::Flow flow{{Address(), 0}, {Address(), 22}};
    flow.client.port = static_cast<uint16_t>(40000 + source_.Byte() % 8);
    return flow;
  }

  std::string User() {
    static constexpr const char* kUsers[] = {"staff", "root", "deploy", ""};
    return source_.Choose(kUsers);
  }

  model::Fact Session() {
    model::Session session;
    const uint8_t which = source_.Byte() % 16;
    session.host = host_;
    session.first_process = First(which);
    session.id = model::DeriveSessionId(host_, session.first_process);
    const uint8_t flags = source_.Byte();
    session.kind = static_cast<model::EntryKind>(flags % 6);
    session.logged_in = (flags & 8) != 0;
    session.user = User();
    if ((flags & 16) != 0) session.entry = model::Entry{Key(), Flow(), 1'000'000'000};
    session.authentication.user = session.user;
    session.authentication.method = static_cast<model::AuthMethod>(source_.Byte() % 8);
    if ((flags & 32) != 0) session.authentication.key_fingerprint = "SHA256:" + User();
    session.program = "/usr/sbin/sshd";
    if ((flags & 64) != 0) session.caused_by = SessionOf(source_.Byte());
    session.opened_boot_ns = 1'000'000'000ull * (1 + source_.Byte());
    session.opened_wall_ns = Wall();
    session.login_ended_wall_ns = WallOrNone();
    session.closed_wall_ns = WallOrNone();
    return session;
  }

  model::Fact HopEnd() {
    model::HopEnd end;
    const uint8_t flags = source_.Byte();
    end.side = static_cast<model::HopSide>(1 + (flags & 1));
    end.host = host_;
    end.session = SessionOf(source_.Byte());
    end.opened_session = (flags & 2) != 0;
    end.process = First(source_.Byte());
    end.program = "/usr/bin/ssh";
    end.user = User();
    end.hop_key = Key();
    end.flow = Flow();
    end.established_boot_ns = 1'000'000'000ull * (1 + source_.Byte());
    end.established_wall_ns = Wall();
    end.rtt_us = source_.Byte();
    end.bytes_sent = source_.Byte();
    end.bytes_received = source_.Byte();
    end.closed_wall_ns = WallOrNone();
    return end;
  }

  model::Fact Attempt() {
    model::LoginAttempt attempt;
    attempt.host = host_;
    attempt.session = SessionOf(source_.Byte());
    attempt.user = User();
    attempt.service = "sshd";
    attempt.origin = {Address(), 40000};
    attempt.method = static_cast<model::AuthMethod>(source_.Byte() % 8);
    attempt.succeeded = (source_.Byte() & 1) != 0;
    attempt.wall_ns = Wall();
    return attempt;
  }

  model::Fact Edge() {
    model::EdgeCount edge;
    edge.host = host_;
    edge.side = static_cast<model::HopSide>(1 + source_.Byte() % 2);
    edge.program = source_.Text();
    edge.peer = Address();
    edge.server_port = source_.Two();
    edge.minute_wall_ns = Wall();
    edge.connections = source_.Byte();
    edge.failures = source_.Byte();
    edge.bytes_sent = source_.Number(8) >> 1;
    edge.bytes_received = source_.Byte();
    return edge;
  }

  model::Fact Detection() {
    static constexpr const char* kRules[] = {"pivot", "brute-force", "multi-hop", "spread"};
    model::Detection detection;
    detection.rule = source_.Choose(kRules);
    const uint8_t which = source_.Byte();
    detection.session = SessionOf(which);
    detection.session_process = First(which);
    detection.id = model::DeriveDetectionId(detection.rule, detection.session, "");
    detection.title = source_.Text();
    detection.severity = static_cast<model::Severity>(1 + source_.Byte() % 5);
    detection.host = host_;
    detection.wall_ns = Wall();
    detection.evidence["failures"] = source_.Text();
    return detection;
  }

  model::Fact Health() {
    model::AgentHealth health;
    health.host = host_;
    health.host_name = source_.Text();
    health.wall_ns = Wall();
    health.addresses = {Address()};
    return health;
  }

  ByteSource& source_;
  model::HostId host_;
};

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_FACT_SCRIPT_H_
