#ifndef HOPTRAIL_CORE_MODEL_HOP_H_
#define HOPTRAIL_CORE_MODEL_HOP_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/model/driver.h"
#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::model {

enum class HopSide : uint8_t {
  kUnknown = 0,
  kClient,  // this host sent the SYN
  kServer,  // this host accepted
};

// One end of a connection that matters to paths, as its host knows it. Sent when established and
// again, whole, when closed or when more is known (the session, the owner).
struct HopEnd {
  HopSide side = HopSide::kUnknown;
  HostId host;
  SessionId session;  // client: the session that connected; server: the one it opened or drives
  bool opened_session = false;  // server: the session came to be by this connection
  ProcessKey process;           // the socket's owner
  std::string program;          // path of its executable
  uint32_t uid = 0;
  std::string user;  // name of uid on this host, empty where unknown
  HopKey hop_key;
  Flow flow;  // as this host sees it
  uint32_t network_namespace = 0;
  uint64_t established_boot_ns = 0;
  int64_t established_wall_ns = 0;
  uint32_t rtt_us = 0;          // tcp_sock::srtt_us >> 3 when established
  uint64_t bytes_sent = 0;      // tcp_sock::bytes_acked, once closed
  uint64_t bytes_received = 0;  // tcp_sock::bytes_received, once closed
  int64_t closed_wall_ns = 0;   // 0 while open
  Drivers drivers;              // client: what may have made the session open the connection
  bool drives = false;          // the session did something because of the connection

  bool operator==(const HopEnd&) const = default;
};

enum class Proof : uint8_t {
  kUnknown = 0,
  kProven,    // both ends reported the same hop key, their addresses fit, nothing contradicts it
  kInferred,  // joined by addresses and time, or by a hop key alone, with `probability`
};

// Why an end is not joined to the ends that claim the same hop key.
enum class Contradiction : uint8_t {
  kNone = 0,
  kBytes,  // one end received what the other cannot have sent
  kTime,   // one end closed long before the other was established
  kRival,  // another end of the same side claims the key, and fits better or was reported earlier
};

// Two ends joined, or one end that still waits for (or never had) the other.
struct Hop {
  std::optional<HopEnd> client;
  std::optional<HopEnd> server;
  Proof proof = Proof::kUnknown;                       // kUnknown while one end is missing
  double probability = 0;                              // 1 for kProven, (0, 1) for kInferred
  Contradiction contradiction = Contradiction::kNone;  // of a lone end

  bool joined() const { return client.has_value() && server.has_value(); }
  bool operator==(const Hop&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_HOP_H_
