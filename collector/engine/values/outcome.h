#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_OUTCOME_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/engine/values/join_change.h"
#include "collector/engine/values/refusal.h"
#include "collector/store/stored_hop.h"
#include "core/graph/hop_id.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

using store::StoredHop;

// A machine is asked for its end of a connection; hoptrail.v1.EndRequest.
struct EndRequest {
  model::MachineId machine;
  model::HopKey hop_key;

  bool operator==(const EndRequest&) const = default;
};

// Changes, to be stored in one transaction and in order. Each element replaces the stored one with
// the same id or key. An Outcome may be passed to several calls, which append to it.
struct Outcome {
  std::vector<model::Session> sessions;
  std::vector<StoredHop> hops;
  std::vector<graph::HopId> removed_hops;  // to be removed before `hops` are stored
  // From agents and from fleet rules. A fleet detection that lost its ground (the engine found an
  // earlier root, or replaced an inferred join) is emitted again with severity kInfo and the
  // evidence "withdrawn", and leaves its incident.
  std::vector<model::Detection> detections;
  std::vector<model::Incident> incidents;
  // To be sent to the host if it is connected. It is not stored (see Engine::ProvenanceOf).
  std::vector<std::pair<model::HostId, model::Provenance>> provenance;
  // To be sent to the machine if it is connected. Not stored.
  std::vector<EndRequest> end_requests;
  std::vector<ClockOffset> clock_offsets;
  // What hosts claimed in vain; at most one of a host and reason for each call.
  std::vector<Refusal> refusals;

  // Refusals change nothing and do not count.
  bool empty() const {
    return sessions.empty() && hops.empty() && removed_hops.empty() && detections.empty() &&
           incidents.empty() && provenance.empty() && end_requests.empty() && clock_offsets.empty();
  }
};

// An address that a host has reported as its own, and when it did so first and last, by the
// collector's clock.
struct AddressReport {
  model::HostId host;
  model::IpAddress address;
  int64_t first_wall_ns = 0;
  int64_t last_wall_ns = 0;
};

// Whether a host's agent can be heard.
struct AgentPresence {
  bool up = false;      // its stream is open
  bool behind = false;  // it may hold facts that the engine has not taken in
  int64_t last_seen_wall_ns = 0;

  bool operator==(const AgentPresence&) const = default;
};

// The stored values that the engine starts with, all of them or the ones still of interest.
struct StoredState {
  std::vector<std::pair<model::HostId, std::string>> host_names;
  // As the hosts reported them last.
  std::vector<std::pair<model::HostId, std::vector<model::IpAddress>>> addresses;
  // All addresses that hosts have reported within the retention.
  std::vector<AddressReport> address_history;
  // When the agents started, by their hosts' clocks.
  std::vector<std::pair<model::HostId, int64_t>> agent_starts;
  std::vector<model::Session> sessions;
  std::vector<StoredHop> hops;
  std::vector<model::Detection> detections;
  std::vector<model::Incident> incidents;
};

// A session that may have led to a step of a path as well; see hoptrail.v1.OtherCause.
struct OtherCause {
  model::SessionId session;
  model::SessionId root;
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;
};

inline constexpr size_t kMaxOtherCauses = 4;

// One session on a path; see hoptrail.v1.PathStep.
struct PathStep {
  model::SessionId session;
  int32_t parent = -1;  // index of an earlier step; -1: the root
  uint32_t depth = 0;   // hops from the root
  // The hop that led here. For the root: the connection from outside the fleet, if it is known.
  std::optional<graph::HopId> hop;
  std::string link;  // "cron", "su", …: the cause on the same host; empty for a hop
  // The grade of the link: of the hop, and of the parent as its cause.
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;
  std::vector<OtherCause> other_causes;  // at most kMaxOtherCauses, likeliest first
};

struct Path {
  std::vector<PathStep> steps;  // root first, each after its parent, siblings by time
  bool proven = false;          // every hop between the steps is PROVEN
  bool truncated = false;       // there are more than kMaxPathSteps
  bool begins_earlier = false;  // the root has a parent (graph::Lineage::kMaxPath)
};

inline constexpr size_t kMaxPathSteps = 1000;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_OUTCOME_H_
