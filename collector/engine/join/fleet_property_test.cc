// Random fleets with address translation in which some hosts lie. HOPTRAIL_HISTORIES sets how many
// histories are played.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "collector/engine/join/joiner.h"
#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

constexpr int kDefaultHistories = 2000;

enum class Route {
  kDirect,
  kPrivate,     // the server sees a router's private address
  kConfigured,  // a public address that the operator lists
  kLearned,     // a public address from which the collector sees two hosts' streams
  kUnknown,     // a public address of which nothing is known
  kOutside,     // the client is an outsider
};

// Hosts 1 and 2 are honest, connect through the learned address and have their streams there.
class History {
 public:
  explicit History(uint32_t seed) : random_(seed) {
    hosts_ = static_cast<uint8_t>(4 + random_() % 4);
    liars_.insert(hosts_);
    if (Chance(0.3)) liars_.insert(static_cast<uint8_t>(hosts_ - 1));
    lies_about_addresses_ = Chance(0.3);
    for (uint8_t host = 1; host <= hosts_; ++host) {
      clocks_[host] = static_cast<int64_t>(random_() % 7200) - 3600;
      joiner_.SetAddresses(Host(host), {Own(host)});
    }
    joiner_.SetTranslations({*model::ParseIpPrefix("203.0.113.0/24")});
    for (uint8_t host : {1, 2}) joiner_.SetStreamAddress(Host(host), Ip(kLearnedAddress));
    const size_t connections = 4 + random_() % 8;
    for (size_t i = 0; i < connections; ++i) Connect();
    const size_t lies = 5 + random_() % 30;
    for (size_t i = 0; i < lies; ++i) Lie();
  }

  // Empty, or what is wrong.
  std::string Play() {
    std::shuffle(events_.begin(), events_.end(), random_);
    std::map<size_t, size_t> next;
    for (const size_t which : events_) {
      std::vector<model::HopEnd>& reports = reports_[which];
      Report(reports[next[which]++]);
      if (Chance(0.1)) Report(reports[random_() % next[which]]);  // it is sent again
      if (Chance(0.2)) joiner_.Tick(now_ += static_cast<int64_t>(random_() % 20) * kSecond);
      if (lies_about_addresses_ && Chance(0.1)) ClaimAnAddress();
      if (std::string wrong = Check(); !wrong.empty()) return wrong;
    }
    for (int i = 0; i < 3; ++i) joiner_.Tick(now_ += 20 * kSecond);
    if (std::string wrong = Check(); !wrong.empty()) return wrong;
    return lies_about_addresses_ ? "" : CheckEnd();
  }

 private:
  static constexpr char kLearnedAddress[] = "192.0.2.7";

  struct Connection {
    Route route = Route::kDirect;
    uint8_t client = 0, server = 0;
    model::HopEnd client_end, server_end;  // as first reported
    bool proven = false;                   // its ends were joined
  };

  bool Chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(random_) < probability;
  }
  uint8_t Pick() { return static_cast<uint8_t>(1 + random_() % hosts_); }
  static model::HostId Host(uint8_t number) {
    model::HostId host;
    host.machine.bytes[0] = number;
    return host;
  }
  static model::IpAddress Ip(const std::string& text) { return *model::ParseIpAddress(text); }
  static model::IpAddress Own(uint8_t host) { return Ip(absl::StrCat("10.0.0.", host)); }

  model::HopEnd End(uint8_t host, model::HopSide side, const model::HopKey& key,
                    const model::Flow& flow, int64_t second) {
    model::HopEnd end;
    end.host = Host(host);
    end.side = side;
    end.hop_key = key;
    end.flow = flow;
    end.established_wall_ns = kStart + (second + clocks_[host]) * kSecond;
    end.established_boot_ns = static_cast<uint64_t>((10'000 + 1000 * host + second) * kSecond);
    end.rtt_us = 400;
    return end;
  }
  void Queue(const std::vector<model::HopEnd>& reports) {
    for (size_t i = 0; i < reports.size(); ++i) events_.push_back(reports_.size());
    reports_.push_back(reports);
  }
  void Report(const model::HopEnd& end) { joiner_.Put(end, now_); }

  void Connect() {
    Connection c;
    c.route = static_cast<Route>(random_() % 6);
    c.client = c.route == Route::kLearned ? static_cast<uint8_t>(1 + random_() % 2) : Pick();
    do c.server = Pick();
    while (c.server == c.client);
    const auto number = static_cast<uint32_t>(connections_.size() + 1);
    const auto port = static_cast<uint16_t>(40'000 + number);
    const model::HopKey key{number, static_cast<uint32_t>(random_())};
    const model::Flow inner{{Own(c.client), port}, {Own(c.server), 22}};
    model::Flow seen = inner;
    switch (c.route) {
      case Route::kDirect:
        break;
      case Route::kPrivate:
        seen.client = {Ip("10.99.0.1"), static_cast<uint16_t>(port + 1000)};
        break;
      case Route::kConfigured:
        seen.client.address = Ip("203.0.113.5");
        break;
      case Route::kLearned:
        seen.client.address = Ip(kLearnedAddress);
        break;
      case Route::kUnknown:
        seen.client.address = Ip("198.18.0.5");
        break;
      case Route::kOutside:
        seen.client.address = Ip(absl::StrCat("198.51.100.", number));
        break;
    }
    const auto second = static_cast<int64_t>(random_() % 1000);
    c.client_end = End(c.client, model::HopSide::kClient, key, inner, second);
    c.server_end = End(c.server, model::HopSide::kServer, key, seen, second);
    for (model::HopEnd end : {c.client_end, c.server_end}) {
      if (c.route == Route::kOutside && end.side == model::HopSide::kClient) continue;
      std::vector<model::HopEnd> reports;
      if (Chance(0.1)) {  // its agent learns the numbers later
        reports.push_back(end);
        reports.back().hop_key = {};
      }
      reports.push_back(end);
      if (Chance(0.7)) {
        end.closed_wall_ns = end.established_wall_ns + 30 * kSecond;
        end.bytes_sent = end.side == model::HopSide::kClient ? 5001 : 9000;
        end.bytes_received = end.side == model::HopSide::kClient ? 9000 : 5000;
        reports.push_back(end);
      }
      Queue(reports);
    }
    connections_.push_back(c);
  }

  // A liar's end with the key, or with the flow, of somebody else's connection.
  void Lie() {
    const Connection& real = connections_[random_() % connections_.size()];
    std::vector<uint8_t> liars(liars_.begin(), liars_.end());
    const uint8_t liar = liars[random_() % liars.size()];
    if (liar == real.client || liar == real.server) return;
    if (Chance(0.2)) {  // it claims the whole connection
      const model::Flow own{{Own(liar), 7}, {Own(liar), 22}};
      for (model::HopSide side : {model::HopSide::kClient, model::HopSide::kServer}) {
        Queue({End(liar, side, real.client_end.hop_key, own, 0)});
      }
      return;
    }
    const model::HopSide side = Chance(0.5) ? model::HopSide::kClient : model::HopSide::kServer;
    model::Flow flow = Chance(0.5) ? real.client_end.flow : real.server_end.flow;
    if (Chance(0.5)) {
      (side == model::HopSide::kClient ? flow.client : flow.server).address = Own(liar);
    }
    if (Chance(0.1)) flow.client.address = Ip("10.77.0.1");
    model::HopEnd end = End(liar, side, real.client_end.hop_key, flow, 0);
    end.established_wall_ns = real.server_end.established_wall_ns;
    if (Chance(0.3))
      end.established_wall_ns += (static_cast<int64_t>(random_() % 400) - 200) * kSecond;
    if (Chance(0.1)) end.established_wall_ns = static_cast<int64_t>(random_()) * kSecond;
    if (Chance(0.2)) end.host.boot.bytes[0] = static_cast<uint8_t>(random_());
    if (Chance(0.2)) end.hop_key = {};
    std::vector<model::HopEnd> reports{end};
    if (Chance(0.5)) {
      end.closed_wall_ns =
          end.established_wall_ns + static_cast<int64_t>(random_() % 100) * kSecond;
      end.bytes_sent = random_() % 100'000;
      end.bytes_received = random_() % 100'000;
      reports.push_back(end);
    }
    Queue(reports);
  }
  // A liar reports an address of another host, or of a router, as its own.
  void ClaimAnAddress() {
    const std::vector<model::IpAddress> others{Own(Pick()), Ip("10.99.0.1"), Ip("203.0.113.5"),
                                               Ip(kLearnedAddress), Ip("198.18.0.5")};
    const uint8_t liar = *liars_.begin();
    joiner_.SetAddresses(Host(liar), {Own(liar), others[random_() % others.size()]});
  }

  bool IsHonest(const Connection& c) const {
    return !liars_.contains(c.server) && (c.route == Route::kOutside || !liars_.contains(c.client));
  }
  std::optional<model::Hop> HopOf(const model::HopEnd& end) const {
    return joiner_.Find(joiner_.HopOf(graph::DeriveHopId(end)));
  }

  std::string Check() {
    for (Connection& c : connections_) {
      if (!IsHonest(c)) continue;
      const std::optional<model::Hop> hop = HopOf(c.server_end);
      const bool proven = hop.has_value() && hop->proof == model::Proof::kProven;
      const std::string name = absl::StrCat("connection ", c.client_end.hop_key.client_isn,
                                            ", route ", static_cast<int>(c.route), ": ");
      if (c.route == Route::kOutside) {
        if (proven) return name + "a liar is proven to be the outsider";
        continue;
      }
      const bool right = proven && hop->client->host == c.client_end.host;
      if (c.proven && !right) return name + "the honest pair was displaced";
      c.proven = c.proven || right;
    }
    return "";
  }
  // After all reports. Who is first has the key where only a private or a listed address was seen.
  std::string CheckEnd() const {
    for (const Connection& c : connections_) {
      if (!IsHonest(c)) continue;
      const std::string name = absl::StrCat("connection ", c.client_end.hop_key.client_isn,
                                            ", route ", static_cast<int>(c.route), ": ");
      if ((c.route == Route::kDirect || c.route == Route::kLearned) && !c.proven) {
        return name + "the honest pair was not proven";
      }
      const std::optional<model::Hop> hop = HopOf(c.server_end);
      if (c.route == Route::kUnknown && hop->proof == model::Proof::kProven) {
        return name + "an unknown public address is no proof";
      }
    }
    return "";
  }

  std::mt19937 random_;
  uint8_t hosts_ = 0;
  std::set<uint8_t> liars_;
  bool lies_about_addresses_ = false;
  std::map<uint8_t, int64_t> clocks_;  // seconds ahead
  std::vector<Connection> connections_;
  std::vector<std::vector<model::HopEnd>> reports_;  // of one end, in their order
  std::vector<size_t> events_;                       // whose next report is sent
  Joiner joiner_;
  int64_t now_ = kStart;
};

TEST(FleetPropertyTest, WhateverLiarsClaim_NoHonestPairIsDisplacedAndNoInnocentRootIsProven) {
  int histories = kDefaultHistories;
  if (const char* set = std::getenv("HOPTRAIL_HISTORIES"); set != nullptr) {
    ASSERT_TRUE(absl::SimpleAtoi(set, &histories)) << set;
  }
  for (int seed = 0; seed < histories; ++seed) {
    ASSERT_EQ(History(static_cast<uint32_t>(seed)).Play(), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace hoptrail::collector::engine
