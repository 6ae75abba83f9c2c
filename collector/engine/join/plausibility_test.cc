#include "collector/engine/join/plausibility.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/join/joiner.h"
#include "collector/engine/join/times_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::Gt;
using ::testing::Lt;

// Two ends at the same second, each of a host that has the address.
FlowEvidence Good() { return {.addresses = AddressFit::kSame, .clocks_known = true}; }

double Alone(const FlowEvidence& evidence) {
  const double odds = FlowOdds(evidence);
  return FlowProbability(odds, odds);
}

TEST(PlausibilityTest, AddressesThatFitWorse_AreLessLikely) {
  double before = 1;
  for (AddressFit fit :
       {AddressFit::kSame, AddressFit::kTranslated, AddressFit::kOutside, AddressFit::kForeign}) {
    FlowEvidence evidence = Good();
    evidence.addresses = fit;
    EXPECT_THAT(Alone(evidence), Lt(before));
    before = Alone(evidence);
  }
  EXPECT_THAT(before, Lt(0.2));
}

TEST(PlausibilityTest, SameSecond_IsWorthMuchMoreThanHalfAMinute) {
  FlowEvidence evidence = Good();
  const double same = FlowOdds(evidence);
  double before = same;
  for (int64_t second : {1, 2, 4}) {
    evidence.apart_ns = second * kSecond;
    EXPECT_THAT(FlowOdds(evidence), Lt(before));
    before = FlowOdds(evidence);
  }
  evidence.apart_ns = kInferWindowNs;
  EXPECT_THAT(FlowOdds(evidence), Lt(same / 5));
  evidence.clocks_known = false;
  EXPECT_THAT(FlowOdds(evidence), Gt(same / 5)) << "a clock may be wrong";
}

TEST(PlausibilityTest, BytesOfBothEnds_CountWhereBothAreClosed) {
  model::HopEnd client, server;
  EXPECT_EQ(CompareBytes(client, server), ByteFit::kUnknown);
  client.closed_wall_ns = server.closed_wall_ns = kStart;
  client.bytes_sent = 5001;
  client.bytes_received = server.bytes_sent = 9000;
  server.bytes_received = 5000;
  EXPECT_EQ(CompareBytes(client, server), ByteFit::kEqual);
  server.bytes_received = 5100;
  EXPECT_EQ(CompareBytes(client, server), ByteFit::kPossible);
  server.bytes_received = 100;
  EXPECT_EQ(CompareBytes(client, server), ByteFit::kContradicted);
  double before = 100;
  for (ByteFit fit :
       {ByteFit::kEqual, ByteFit::kUnknown, ByteFit::kPossible, ByteFit::kContradicted}) {
    FlowEvidence evidence = Good();
    evidence.addresses = AddressFit::kTranslated;
    evidence.bytes = fit;
    EXPECT_THAT(FlowOdds(evidence), Lt(before));
    before = FlowOdds(evidence);
  }
}

TEST(PlausibilityTest, MoreClaimsThanConnections_DivideTheTrust) {
  FlowEvidence evidence = Good();
  const double one = FlowOdds(evidence);
  evidence.claims = evidence.confirmed = 50;
  EXPECT_DOUBLE_EQ(FlowOdds(evidence), one) << "the other host has seen as many";
  evidence.claims = 28'800;
  EXPECT_THAT(Alone(evidence), Lt(kLeastProbability));
  evidence.confirmed = 28'800;
  EXPECT_THAT(FlowOdds(evidence), Lt(one / 100)) << "even so";
}

TEST(PlausibilityTest, JoinByKeyWithoutProof_IsSharedAmongItsClaims) {
  EXPECT_THAT(KeyProbability(AddressFit::kOutside, 1), Gt(KeyProbability(AddressFit::kForeign, 1)));
  EXPECT_DOUBLE_EQ(KeyProbability(AddressFit::kOutside, 3),
                   KeyProbability(AddressFit::kOutside, 1) / 3);
}

// A fleet in which hosts report connections without their hop keys, and liars claim ends of some of
// them, in the mix for which plausibility.cc gives the numbers. The joiner decides.
class Mix {
 public:
  Mix(uint32_t seed, bool clocks_known) : random_(seed), clocks_known_(clocks_known) {
    for (uint8_t host = 1; host <= kHosts; ++host) {
      joiner_.SetAddresses(Host(host), {Own(host)});
      if (clocks_known && host > 1) ConnectByKey(1, host);
    }
  }

  // One connection: its server's end, perhaps its client's, and some claims of that.
  void Play() {
    now_ += 20 * kSecond;
    const uint8_t server = Pick(), client = PickOther(server);
    std::set<uint8_t> liars;
    for (int claims = std::poisson_distribution<>(1)(random_); claims > 0; --claims) {
      if (const uint8_t liar = PickOther(server); liar != client) liars.insert(liar);
    }
    const bool honest = Chance(0.5);
    if (!honest && liars.empty()) return;
    const model::Flow flow{{honest ? AddressOf(client, {0.80, 0.94, 0.98})
                                   : AddressOf(*liars.begin(), {0.02, 0.30, 0.70}),
                            next_port_++},
                           {Own(server), 22}};
    closed_ = Chance(0.5);
    model::HopEnd real = End(server, model::HopSide::kServer, flow, 0);
    real.hop_key = {++next_key_, 1};
    std::optional<graph::HopId> right;
    if (honest) {
      const double spread = clocks_known_ ? 0.9 : 0.6;
      model::HopEnd end = End(client, model::HopSide::kClient, flow, Offset(spread));
      if (Chance(0.1)) end.hop_key = {next_key_, 2};  // a middlebox has rewritten the numbers
      SetBytes(0.90, 0.99, &end);
      right = joiner_.Put(end, now_);
    }
    for (const uint8_t liar : liars) {
      model::HopEnd end = End(liar, model::HopSide::kClient, flow, Offset(0.5));
      if (Chance(0.4)) end.hop_key = {next_key_, 3};
      SetBytes(0.10, 0.40, &end);
      joiner_.Put(end, now_);
    }
    const graph::HopId end = joiner_.Put(real, now_);
    joiner_.Tick(now_ + Joiner::kGraceNs);
    const graph::HopId hop = joiner_.HopOf(end);
    if (hop == end) return;
    const double probability = joiner_.Find(hop)->probability;
    Decile& decile = deciles_[std::min<size_t>(9, static_cast<size_t>(probability * 10))];
    decile.joins++;
    decile.probability += probability;
    decile.right += right == hop ? 1 : 0;
  }

  struct Decile {
    int joins = 0;
    double probability = 0;  // the sum
    int right = 0;
  };
  const std::array<Decile, 10>& deciles() const { return deciles_; }

 private:
  static constexpr uint8_t kHosts = 60;

  double Uniform() { return std::uniform_real_distribution<>(0, 1)(random_); }
  bool Chance(double probability) { return Uniform() < probability; }
  uint8_t Pick() { return static_cast<uint8_t>(1 + random_() % kHosts); }
  uint8_t PickOther(uint8_t than) {
    const uint8_t host = Pick();
    return host == than ? static_cast<uint8_t>(1 + host % kHosts) : host;
  }
  static model::HostId Host(uint8_t number) {
    model::HostId host;
    host.machine.bytes[0] = number;
    return host;
  }
  static model::IpAddress Ip(const std::string& text) { return *model::ParseIpAddress(text); }
  static model::IpAddress Own(uint8_t host) { return Ip("10.0.0." + std::to_string(host)); }
  // An address of each class, by the sums of their shares.
  model::IpAddress AddressOf(uint8_t host, const std::array<double, 3>& shares) {
    const double which = Uniform();
    const std::string last = std::to_string(1 + random_() % 250);
    if (which < shares[0]) return Own(host);
    if (which < shares[1]) return Ip("10.200.0." + last);
    if (which < shares[2]) return Ip("198.51.100." + last);
    return Own(PickOther(host));
  }
  // Seconds from the server's end: about the same time in this share, else any time.
  double Offset(double share) {
    const double sign = Chance(0.5) ? 1 : -1;
    return sign * (Chance(share) ? std::min(29.0, -0.5 * std::log(1 - Uniform())) : 29 * Uniform());
  }
  model::HopEnd End(uint8_t host, model::HopSide side, const model::Flow& flow, double offset) {
    model::HopEnd end;
    end.host = Host(host);
    end.side = side;
    end.flow = flow;
    end.established_wall_ns = now_ + static_cast<int64_t>(offset * kSecond);
    end.established_boot_ns =
        static_cast<uint64_t>(end.established_wall_ns - kStart) + kSecond * 100;
    if (closed_) {
      end.closed_wall_ns = now_ + 60 * kSecond;
      end.bytes_sent = end.bytes_received = 100'000;
    }
    return end;
  }
  void SetBytes(double equal, double possible, model::HopEnd* end) {
    if (!closed_) return;
    const double which = Uniform();
    if (which >= equal) end->bytes_sent = which < possible ? 90'000 : 500'000;
  }
  void ConnectByKey(uint8_t a, uint8_t b) {
    const model::Flow flow{{Own(a), next_port_++}, {Own(b), 22}};
    model::HopEnd client = End(a, model::HopSide::kClient, flow, 0);
    model::HopEnd server = End(b, model::HopSide::kServer, flow, 0);
    client.hop_key = server.hop_key = {++next_key_, 1};
    joiner_.Put(client, now_);
    joiner_.Put(server, now_);
  }

  std::mt19937 random_;
  const bool clocks_known_;
  Joiner joiner_;
  int64_t now_ = kStart;
  uint16_t next_port_ = 1;
  uint32_t next_key_ = 0;
  bool closed_ = false;
  std::array<Decile, 10> deciles_{};
};

TEST(PlausibilityTest, MeanProbabilityOfEachDecile_IsAboutTheShareThatIsRight) {
  for (bool clocks_known : {true, false}) {
    Mix mix(20'240'229, clocks_known);
    for (int i = 0; i < 30'000; ++i) mix.Play();
    int judged = 0;
    for (size_t i = 0; i < 10; ++i) {
      const Mix::Decile& decile = mix.deciles()[i];
      if (decile.joins < 150) continue;
      judged++;
      const double share = static_cast<double>(decile.right) / decile.joins;
      EXPECT_NEAR(decile.probability / decile.joins, share, 0.1)
          << "decile " << i << " of " << decile.joins << " joins, clocks known: " << clocks_known;
    }
    EXPECT_GE(judged, 6) << "too few deciles to compare";
  }
}

}  // namespace
}  // namespace hoptrail::collector::engine
