#include "collector/api/messages.h"

#include <utility>

#include <google/protobuf/util/time_util.h>

#include "core/model/title.h"
#include "core/model/unmonitored.h"
#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/observations.h"
#include "core/wire/resource_names.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::collector::api {
namespace {

using google::protobuf::util::TimeUtil;

}  // namespace

v1::Session ToMessage(const store::SessionView& view) {
  v1::Session session = wire::ToProto(view.session);
  session.set_host_name(view.host_name);
  session.set_title(model::Title(view.session));
  if (const auto address = model::UnmonitoredAddress(view.session.host)) {
    session.set_unmonitored_address(model::ToString(*address));
    session.set_host_name(model::HostTitle("", view.session.host));
  }
  return session;
}

v1::Hop ToMessage(const store::StoredHop& stored) { return wire::ToProto(stored.hop); }

v1::Edge ToMessage(const model::EdgeCount& edge) { return wire::ToProto(edge); }

v1::Detection ToMessage(const store::DetectionView& view) {
  v1::Detection detection = wire::ToProto(view.detection);
  detection.set_host_name(model::UnmonitoredAddress(view.detection.host).has_value()
                              ? model::HostTitle("", view.detection.host)
                              : view.host_name);
  if (view.incident) detection.set_incident(wire::ResourceName(*view.incident));
  return detection;
}

v1::Incident ToMessage(const model::Incident& incident) { return wire::ToProto(incident); }

v1::Host ToMessage(const store::HostView& view) {
  v1::Host host;
  host.set_name(wire::ResourceName(view.machine));
  host.set_host_name(view.host_name);
  host.set_state(static_cast<v1::HostState>(view.state));
  if (view.last_seen_wall_ns != 0) {
    *host.mutable_last_seen_time() = TimeUtil::NanosecondsToTimestamp(view.last_seen_wall_ns);
  }
  host.set_acknowledged_sequence(view.acknowledged_sequence);
  host.set_clock_offset_ns(view.clock_offset_ns);
  if (view.health) {
    const v1::AgentHealth health = wire::ToProto(*view.health);
    host.set_agent_version(health.agent_version());
    *host.mutable_agent_start_time() = health.start_time();
    *host.mutable_addresses() = health.addresses();
    host.set_events(health.events());
    host.set_lost(health.lost());
    host.set_spooled(health.spooled());
    host.set_resident_bytes(health.resident_bytes());
  }
  if (view.coverage) {
    *host.mutable_coverage() = std::move(*wire::ToProto(*view.coverage).mutable_coverage());
  }
  for (const model::Degradation& each : view.degradations) {
    *host.add_degradations() = wire::ToProto(each);
  }
  for (const store::BootView& each : view.boots) {
    v1::Boot* boot = host.add_boots();
    boot->set_name(wire::ResourceName(each.host));
    boot->set_state(static_cast<v1::HostState>(each.state));
    if (each.first_seen_wall_ns != 0) {
      *boot->mutable_first_seen_time() = TimeUtil::NanosecondsToTimestamp(each.first_seen_wall_ns);
    }
    if (each.last_seen_wall_ns != 0) {
      *boot->mutable_last_seen_time() = TimeUtil::NanosecondsToTimestamp(each.last_seen_wall_ns);
    }
    boot->set_acknowledged_sequence(each.acknowledged_sequence);
  }
  for (const model::Loss& each : view.losses) {
    *host.add_losses() = std::move(*wire::ToProto(each).mutable_loss());
  }
  return host;
}

}  // namespace hoptrail::collector::api
