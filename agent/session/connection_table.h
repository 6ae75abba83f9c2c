#ifndef HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_
#define HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/recycling_map.h"
#include "core/model/hop.h"
#include "core/model/net.h"
#include "core/model/process.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// An open TCP connection, or an attempt at one.
struct Connection {
  uint64_t socket = 0;
  model::HopSide side = model::HopSide::kUnknown;
  model::Flow flow;
  model::HopKey hop_key;
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
  uint64_t established_boot_ns = 0;  // 0 if that was not seen
  model::ProcessKey owner;           // the process that connected, or that accepted or uses it
  std::shared_ptr<const model::Image> image;  // the owner's
  bool own_program = false;                   // `image` is not what the owner's parent ran
  uint32_t uid = 0;                           // the owner's effective uid
  model::SessionId session;  // that connected, or that the connection opened or drives
  bool opened_session = false;
  bool counted = false;         // in the edges of its minute
  uint64_t report_boot_ns = 0;  // when ReportWaiting() reports it; 0 if it does not wait
  // The last report; null if it was not reported.
  std::unique_ptr<model::HopEnd> reported;
};

// Connections by socket. Bounded: connections for which there is no room are counted. Pointers stay
// valid until the connection is erased. Not thread-safe.
class ConnectionTable {
 public:
  explicit ConnectionTable(size_t max_connections) : max_connections_(max_connections) {}

  Connection* Find(uint64_t socket) { return connections_.Find(socket); }

  // Finds or inserts the connection. Null if there is no room or `socket` is 0.
  Connection* Ensure(uint64_t socket, model::HopSide side, const model::Flow& flow) {
    if (socket == 0) return nullptr;
    if (Connection* known = Find(socket); known != nullptr) return known;
    if (connections_.size() >= max_connections_) {
      ++dropped_;
      return nullptr;
    }
    Connection& connection = connections_[socket];
    connection.socket = socket;
    connection.side = side;
    connection.flow = flow;
    return &connection;
  }

  void Erase(uint64_t socket) { connections_.Erase(socket); }

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    connections_.ForEach([&](uint64_t, Connection& connection) { visitor(connection); });
  }
  size_t size() const { return connections_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  const size_t max_connections_;
  RecyclingMap<uint64_t, Connection> connections_;
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_
