#ifndef HOPTRAIL_COLLECTOR_PATH_WORLD_FOR_TEST_H_
#define HOPTRAIL_COLLECTOR_PATH_WORLD_FOR_TEST_H_

// For tests of what reads a World: one that is filled by hand.

#include <string>

#include "collector/path/world.h"

namespace hoptrail::collector::path {

inline model::SessionId Id(uint16_t n) {
  model::SessionId id;
  id.bytes[0] = static_cast<uint8_t>(n >> 8);
  id.bytes[1] = static_cast<uint8_t>(n);
  return id;
}

// A host for each number.
inline model::HostId HostOf(uint16_t n) {
  model::HostId host;
  host.machine.bytes[0] = static_cast<uint8_t>(n >> 8);
  host.machine.bytes[1] = static_cast<uint8_t>(n);
  return host;
}

class WorldForTest {
 public:
  World& world() { return world_; }

  // Session n on a host of its own, called "hn", opened at second n.
  model::Session& Add(uint16_t n, const std::string& user,
                      model::EntryKind kind = model::EntryKind::kRemote, bool logged_in = true) {
    SessionNode& node = world_.sessions[Id(n)];
    node.host = HostOf(n);
    node.value.emplace();
    node.value->id = Id(n);
    node.value->host = node.host;
    node.value->user = user;
    node.value->kind = kind;
    node.value->logged_in = logged_in;
    node.value->opened_wall_ns = int64_t{n} * 1'000'000'000;
    world_.host_names[node.host] = "h" + std::to_string(n);
    return *node.value;
  }

  void Hop(uint16_t parent, uint16_t child, model::Proof proof = model::Proof::kProven) {
    graph::Link link{.parent = Id(parent), .kind = graph::LinkKind::kHop, .proof = proof};
    link.order = child;
    world_.lineage.Offer(Id(child), link);
  }
  void Cause(uint16_t parent, uint16_t child) {
    world_.sessions[Id(child)].host = world_.sessions[Id(parent)].host;
    graph::Link link{.parent = Id(parent), .kind = graph::LinkKind::kCause};
    link.order = child;
    world_.lineage.Offer(Id(child), link);
  }

 private:
  World world_{join::Joiner::Options{}};
};

}  // namespace hoptrail::collector::path

#endif  // HOPTRAIL_COLLECTOR_PATH_WORLD_FOR_TEST_H_
