#ifndef HOPTRAIL_COLLECTOR_ENGINE_STORY_FOR_TEST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_STORY_FOR_TEST_H_

// For tests of the engine: builds the facts that agents would report, host by host.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "core/base/digest.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

inline constexpr int64_t kStoryStart = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

inline model::IpAddress Address(const std::string& text) { return *model::ParseIpAddress(text); }

class Story {
 public:
  using Facts = std::vector<model::Fact>;

  // `ahead_ns`: how far the host's wall clock is ahead. `addresses`: those of its interfaces.
  void AddHost(const std::string& name, int64_t ahead_ns = 0,
               const std::vector<std::string>& addresses = {}) {
    ahead_[name] = ahead_ns;
    model::AgentHealth health;
    health.host = Host(name);
    health.host_name = name;
    for (const std::string& each : addresses) health.addresses.push_back(Address(each));
    Report(name, health);
  }

  static model::HostId Host(const std::string& name) {
    model::HostId host;
    host.machine.bytes = Digest128({"machine", name});
    host.boot.bytes = Digest128({"boot", name});
    return host;
  }

  int64_t Wall(const std::string& host, int second) const {
    return kStoryStart + second * kSecond + ahead_.at(host);
  }
  // The boot clock: hosts booted at different times.
  static uint64_t Boot(const std::string& host, int second) {
    return (1000 + Digest128({"uptime", host})[0] * 100 + second) * uint64_t{kSecond};
  }

  model::Session MakeSession(const std::string& host, const std::string& user, int second,
                             model::EntryKind kind = model::EntryKind::kRemote) {
    model::Session session;
    session.host = Host(host);
    session.first_process = {next_pid_++, Boot(host, second)};
    session.id = model::DeriveSessionId(session.host, session.first_process);
    session.kind = kind;
    session.logged_in = true;
    session.user = user;
    session.program = "/usr/sbin/sshd";
    session.opened_boot_ns = Boot(host, second);
    session.opened_wall_ns = Wall(host, second);
    return session;
  }

  // A login from outside the fleet, in the steps in which an agent reports it.
  model::Session Login(const std::string& host, const std::string& user, const std::string& from,
                       int second) {
    const model::Flow flow{{Address(from), 40000}, {Address("203.0.113.1"), 22}};
    return Enter(host, user, second, NextKey(), flow);
  }

  // ssh from a session to another host. `translated` is the flow after address translation.
  model::Session Hop(const model::Session& from, const std::string& from_host,
                     const std::string& host, const std::string& user, int second,
                     const model::Flow& flow, const model::Flow& translated) {
    const model::HopKey key = NextKey();
    model::HopEnd client = End(from_host, model::HopSide::kClient, key, flow, second);
    client.session = from.id;
    client.user = from.user;
    client.program = "/usr/bin/ssh";
    last_client_ = client;
    Report(from_host, client);
    return Enter(host, user, second, key, translated);
  }

  // Closes both ends of the last hop.
  void CloseLast(const std::string& client_host, const std::string& server_host, int second) {
    model::HopEnd client = last_client_;
    client.closed_wall_ns = Wall(client_host, second);
    client.bytes_sent = 5001;
    client.bytes_received = 9000;
    Report(client_host, client);
    model::HopEnd server = last_server_;
    server.closed_wall_ns = Wall(server_host, second);
    server.bytes_sent = 9000;
    server.bytes_received = 5000;
    Report(server_host, server);
  }

  void Detect(const std::string& host, const model::Session& session, const std::string& rule,
              model::Severity severity, int second) {
    model::Detection detection;
    detection.id = model::DeriveDetectionId(rule, session.id, "");
    detection.rule = rule;
    detection.severity = severity;
    detection.session = session.id;
    detection.session_process = session.first_process;
    detection.host = session.host;
    detection.wall_ns = Wall(host, second);
    Report(host, detection);
  }

  void Report(const std::string& host, model::Fact fact) {
    facts_[host].push_back(fact);
    in_order_.push_back(std::move(fact));
  }

  model::HopEnd End(const std::string& host, model::HopSide side, const model::HopKey& key,
                    const model::Flow& flow, int second) const {
    model::HopEnd end;
    end.side = side;
    end.host = Host(host);
    end.hop_key = key;
    end.flow = flow;
    end.established_boot_ns = Boot(host, second);
    end.established_wall_ns = Wall(host, second);
    end.rtt_us = 400;
    return end;
  }

  model::HopKey NextKey() {
    const uint32_t n = next_key_++;
    return {n * 2654435761u, n * 40503u + 7};
  }

  const model::HopEnd& last_client() const { return last_client_; }
  const std::map<std::string, Facts>& facts() const { return facts_; }
  const Facts& in_order() const { return in_order_; }

 private:
  model::Session Enter(const std::string& host, const std::string& user, int second,
                       const model::HopKey& key, const model::Flow& flow) {
    model::Session session = MakeSession(host, user, second);
    session.entry = model::Entry{key, flow, Boot(host, second)};
    session.authentication.user = user;
    session.authentication.method = model::AuthMethod::kPublicKey;
    session.authentication.key_fingerprint = absl::StrCat("SHA256:", user);
    model::Session unauthenticated = session;
    unauthenticated.logged_in = false;
    unauthenticated.user.clear();
    unauthenticated.authentication = {};
    Report(host, unauthenticated);
    model::HopEnd server = End(host, model::HopSide::kServer, key, flow, second);
    server.session = session.id;
    server.opened_session = true;
    server.program = "/usr/sbin/sshd";
    last_server_ = server;
    Report(host, server);
    Report(host, session);
    return session;
  }

  std::map<std::string, int64_t> ahead_;
  std::map<std::string, Facts> facts_;
  Facts in_order_;
  model::HopEnd last_client_;
  model::HopEnd last_server_;
  uint32_t next_pid_ = 100;
  uint32_t next_key_ = 1;
};

// gw → web (translated in both directions) → db → vault (IPv6), with a guessed password at gw. An
// unrelated administrator is logged in on db.
struct FourHosts {
  Story story;
  model::Session gw, web, db, vault, admin;

  FourHosts() {
    story.AddHost("gw", 0, {"10.0.1.2"});
    story.AddHost("web", 90 * kSecond, {"10.0.2.2", "10.0.3.2"});
    story.AddHost("db", -3600 * kSecond, {"10.0.3.3", "2001:db8::3"});
    story.AddHost("vault", 0, {"2001:db8::4"});
    gw = story.Login("gw", "staff", "192.0.2.9", 10);
    story.Detect("gw", gw, "brute-force", model::Severity::kHigh, 11);
    admin = story.Login("db", "root", "198.51.100.7", 15);
    web = story.Hop(gw, "gw", "web", "deploy", 20,
                    {{Address("10.0.1.2"), 50001}, {Address("10.0.1.1"), 2222}},
                    {{Address("10.0.2.1"), 61001}, {Address("10.0.2.2"), 22}});
    story.Detect("gw", gw, "pivot", model::Severity::kLow, 20);
    story.CloseLast("gw", "web", 25);
    const model::Flow to_db{{Address("10.0.3.2"), 50002}, {Address("10.0.3.3"), 22}};
    db = story.Hop(web, "web", "db", "root", 40, to_db, to_db);
    story.Detect("web", web, "pivot", model::Severity::kLow, 40);
    const model::Flow to_vault{{Address("2001:db8::3"), 50003}, {Address("2001:db8::4"), 22}};
    vault = story.Hop(db, "db", "vault", "root", 60, to_vault, to_vault);
    story.CloseLast("db", "vault", 80);
    model::Session closed = vault;
    closed.login_ended_wall_ns = story.Wall("vault", 80);
    closed.closed_wall_ns = story.Wall("vault", 81);
    story.Report("vault", closed);
    vault = closed;
    model::Session gone = admin;
    gone.closed_wall_ns = story.Wall("db", 90);
    story.Report("db", gone);
    admin = gone;
  }
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_STORY_FOR_TEST_H_
