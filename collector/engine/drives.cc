#include "collector/engine/drives.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_set.h"

#include "core/graph/lineage.h"

namespace hoptrail::collector::engine {
namespace {

// A drive whose other end is unknown follows from its session, if from nothing else.
constexpr double kFallbackProbability = 0.001;

// The part of a drive's row that is not its session's.
struct Own {
  std::optional<model::Entry> entry;
  uint64_t opened_boot_ns = 0;
  int64_t opened_wall_ns = 0;
  int64_t closed_wall_ns = 0;
  model::Drivers drivers;  // the session that drives it, if it is not a connection
};

Own OwnPart(const SessionNode& drive) {
  if (!drive.value.has_value()) return {};
  const model::Session& value = *drive.value;
  return {value.entry, value.opened_boot_ns, value.opened_wall_ns, value.closed_wall_ns,
          value.drivers};
}

void Put(const model::SessionId& id, const model::SessionId& session, Own own, EngineState* state) {
  const SessionNode* driven = state->graph.Find(session);
  if (driven == nullptr || !driven->value.has_value()) return;
  model::Session value = *driven->value;
  value.id = id;
  value.drives = session;
  value.caused_by = own.drivers.empty() ? session : own.drivers.front().session;
  value.logged_in = false;
  value.authentication = {};
  value.login_ended_wall_ns = 0;
  value.entry = own.entry;
  value.drivers = std::move(own.drivers);
  if (own.opened_boot_ns != 0) {
    value.opened_boot_ns = own.opened_boot_ns;
    value.opened_wall_ns = own.opened_wall_ns;
  }
  if (own.closed_wall_ns != 0) value.closed_wall_ns = own.closed_wall_ns;
  SessionNode& node = state->graph.sessions.at(id);
  if (node.value == value) return;
  node.value = std::move(value);
  node.updated_boot_ns = state->BootNow();
  state->changes.sessions.insert(id);
  state->MarkRetitled(id);
  if (node.value->closed_wall_ns != 0) {
    state->session_age.Add(node.updated_boot_ns + state->options.retention_ns, id);
  }
}

}  // namespace

model::SessionId UpsertDrive(const model::HostId& host, const model::SessionId& session,
                             const model::Driver& driver, EngineState* state) {
  if (session.empty() || state->IsForeign(session, host)) return {};
  const bool by_session = !driver.session.empty();
  if (by_session && state->IsForeign(driver.session, host)) return {};
  const model::SessionId id = model::DeriveDriveId(session, driver);
  if (state->graph.Find(id) != nullptr) return id;
  state->Upsert(id, host);
  state->Upsert(session, host).drives.insert(id);
  Own own;
  if (by_session) own.drivers = {driver};
  Put(id, session, std::move(own), state);
  if (by_session) {
    state->Upsert(driver.session, host);
    state->OfferParent(id, graph::Link{.parent = driver.session, .kind = graph::LinkKind::kCause});
  } else {
    state->OfferParent(id, graph::Link{.parent = session,
                                       .kind = graph::LinkKind::kCause,
                                       .proof = model::Proof::kInferred,
                                       .probability = kFallbackProbability});
  }
  return id;
}

void UpdateDrive(const model::HopEnd& end, EngineState* state) {
  if (!end.drives || end.hop_key.empty()) return;
  const model::SessionId id = UpsertDrive(end.host, end.session, {.hop_key = end.hop_key}, state);
  if (id.empty()) return;
  Own own = OwnPart(state->graph.sessions.at(id));
  own.entry = model::Entry{end.hop_key, end.flow, end.established_boot_ns};
  own.opened_boot_ns = end.established_boot_ns;
  own.opened_wall_ns = end.established_wall_ns;
  own.closed_wall_ns = end.closed_wall_ns;
  Put(id, end.session, std::move(own), state);
}

void RefreshDrives(const model::SessionId& session, EngineState* state) {
  const SessionNode* node = state->graph.Find(session);
  if (node == nullptr) return;
  const absl::btree_set<model::SessionId> drives = node->drives;
  for (const model::SessionId& drive : drives) {
    const SessionNode* known = state->graph.Find(drive);
    if (known != nullptr) Put(drive, session, OwnPart(*known), state);
  }
}

model::SessionId FindDrive(const model::SessionId& session, const model::HopKey& connection,
                           const EngineState& state) {
  if (session.empty() || connection.empty()) return {};
  const model::SessionId id = model::DeriveDriveId(session, {.hop_key = connection});
  return state.graph.Find(id) == nullptr ? model::SessionId{} : id;
}

}  // namespace hoptrail::collector::engine
