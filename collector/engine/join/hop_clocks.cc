#include "collector/engine/join/hop_clocks.h"

#include <algorithm>
#include <cstdlib>

namespace hoptrail::collector::engine {

void HopClocks::Learn(const model::HopEnd& client, const model::HopEnd& server) {
  uint32_t rtt_us = std::min(client.rtt_us, server.rtt_us);
  if (rtt_us == 0) rtt_us = std::max(client.rtt_us, server.rtt_us);
  // The client is established when the answer to its SYN arrives, the server when the client's
  // next segment does: half a round trip later.
  const int64_t travel_ns = int64_t{rtt_us} * 1000 / 2;
  if (client.established_wall_ns != 0 && server.established_wall_ns != 0) {
    wall_.AddSample(client.host, server.host,
                    server.established_wall_ns - client.established_wall_ns - travel_ns);
  }
  if (client.established_boot_ns != 0 && server.established_boot_ns != 0) {
    boot_.AddSample(
        client.host, server.host,
        static_cast<int64_t>(server.established_boot_ns - client.established_boot_ns) - travel_ns);
  }
}

model::Contradiction HopClocks::Check(const model::HopEnd& client,
                                      const model::HopEnd& server) const {
  return FindContradiction(client, server, boot_.Agreed(client.host, server.host));
}

int64_t HopClocks::Apart(const model::HopEnd& client, const model::HopEnd& server) const {
  const int64_t ahead = wall_.Difference(client.host, server.host).value_or(0);
  return std::abs(server.established_wall_ns - client.established_wall_ns - ahead);
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
