#include "collector/engine/join/hop_clocks.h"

#include <algorithm>
#include <cstdlib>

#include "absl/numeric/int128.h"

namespace hoptrail::collector::engine {
namespace {

// Clocks that are further apart say nothing. An agent may report any 64 bits as a time.
constexpr int64_t kMostApartNs = 10LL * 365 * 24 * 3600 * 1'000'000'000;

int64_t Bounded(absl::int128 ns) {
  return static_cast<int64_t>(std::clamp<absl::int128>(ns, -kMostApartNs, kMostApartNs));
}

}  // namespace

void HopClocks::Learn(const model::HopEnd& client, const model::HopEnd& server) {
  uint32_t rtt_us = std::min(client.rtt_us, server.rtt_us);
  if (rtt_us == 0) rtt_us = std::max(client.rtt_us, server.rtt_us);
  // The client is established when the answer to its SYN arrives, the server when the client's
  // next segment does: half a round trip later.
  const int64_t travel_ns = int64_t{rtt_us} * 1000 / 2;
  if (client.established_wall_ns != 0 && server.established_wall_ns != 0) {
    wall_.AddSample(
        client.host, server.host,
        Bounded(absl::int128(server.established_wall_ns) - client.established_wall_ns - travel_ns));
  }
  if (client.established_boot_ns != 0 && server.established_boot_ns != 0) {
    boot_.AddSample(
        client.host, server.host,
        Bounded(absl::int128(server.established_boot_ns) - client.established_boot_ns - travel_ns));
  }
}

model::Contradiction HopClocks::Check(const model::HopEnd& client,
                                      const model::HopEnd& server) const {
  return FindContradiction(client, server, boot_.Agreed(client.host, server.host));
}

int64_t HopClocks::Apart(const model::HopEnd& client, const model::HopEnd& server) const {
  const int64_t ahead = Difference(client.host, server.host).value_or(0);
  return std::abs(
      Bounded(absl::int128(server.established_wall_ns) - client.established_wall_ns - ahead));
}

bool HopClocks::AreKnown(const model::HostId& a, const model::HostId& b) const {
  return Difference(a, b).has_value();
}

// The hops between the two hosts count first: a third host may have lied about its times.
std::optional<int64_t> HopClocks::Difference(const model::HostId& a, const model::HostId& b) const {
  const std::optional<int64_t> agreed = wall_.Agreed(a, b);
  return agreed.has_value() ? agreed : wall_.Difference(a, b);
}

std::vector<ClockOffset> HopClocks::TakeChanged() {
  std::vector<ClockOffset> offsets;
  for (const model::HostId& host : wall_.TakeChanged()) {
    if (auto offset = wall_.Of(host)) {
      offsets.push_back({host, offset->reference, offset->offset_ns, offset->samples});
    }
  }
  return offsets;
}

}  // namespace hoptrail::collector::engine
