#ifndef HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_
#define HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "agent/process/process_table.h"
#include "core/base/recycling_map.h"
#include "core/model/hop.h"
#include "core/model/net.h"
#include "core/model/process.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// A TCP connection, or an attempt at one.
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
  // Connections that may have caused this one; null: none. Of a client only.
  std::shared_ptr<const process::DrivingConnections> drivers;
  // Connections that are the reason for what this one carries now; null: none.
  std::shared_ptr<const process::DrivingConnections> later_drivers;
  uint64_t later_boot_ns = 0;   // when they were found last
  bool drives = false;          // its session did something because of it
  uint64_t closed_boot_ns = 0;  // 0 while it is open
  uint64_t bytes_sent = 0;      // once closed
  uint64_t bytes_received = 0;
  // Sessions that may have made this one open it, or have used it since; set when it is reported.
  // After a restart of the agent: all drivers that were reported before.
  model::Drivers sessions_acting;
  // The last report; null if it was not reported.
  std::unique_ptr<model::HopEnd> reported;
};

// Connections by socket, and those that were closed last. Bounded: connections for which there is
// no room are counted. Pointers to open connections stay valid until they are closed or erased,
// pointers to closed ones until another one is closed. Not thread-safe.
class ConnectionTable {
 public:
  static constexpr size_t kMaxClosed = 2'048;

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

  // An attempt that failed.
  void Erase(uint64_t socket) { connections_.Erase(socket); }

  // The connection is closed. It is kept among those that were closed last.
  void Close(uint64_t socket, uint64_t boot_ns) {
    std::unique_ptr<Connection> connection = connections_.Release(socket);
    if (connection == nullptr) return;
    if (connection->hop_key.empty()) {
      connections_.Recycle(std::move(connection));
      return;
    }
    connection->closed_boot_ns = boot_ns;
    if (closed_.size() < kMaxClosed) closed_.emplace_back();
    std::unique_ptr<Connection>& oldest = closed_[next_closed_++ % kMaxClosed];
    if (oldest != nullptr) connections_.Recycle(std::move(oldest));
    oldest = std::move(connection);
  }
  // The newest one that was closed since then, among the last `looks`; null if there is none.
  Connection* FindClosed(const model::HopKey& key, uint64_t since_boot_ns = 0,
                         size_t looks = kMaxClosed) {
    for (size_t i = 0; i < std::min(looks, closed_.size()); ++i) {
      Connection& each = *closed_[(next_closed_ - 1 - i) % kMaxClosed];
      if (each.closed_boot_ns < since_boot_ns) break;
      if (each.hop_key == key) return &each;
    }
    return nullptr;
  }
  // Open or closed; visits all of them.
  Connection* FindByKey(const model::HopKey& key) {
    Connection* found = nullptr;
    ForEach([&](Connection& each) {
      if (each.hop_key == key) found = &each;
    });
    return found != nullptr ? found : FindClosed(key);
  }

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    connections_.ForEach([&](uint64_t, Connection& connection) { visitor(connection); });
  }
  template <typename Visitor>
  void ForEachClosed(Visitor visitor) {
    for (const auto& connection : closed_) visitor(*connection);
  }
  size_t size() const { return connections_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  const size_t max_connections_;
  RecyclingMap<uint64_t, Connection> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;  // a ring
  size_t next_closed_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONNECTION_TABLE_H_
