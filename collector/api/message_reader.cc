#include "collector/api/message_reader.h"

#include <utility>

#include <google/protobuf/util/time_util.h>

#include "collector/api/messages.h"
#include "core/base/status_macros.h"
#include "core/wire/agent_state.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::api {
namespace {

using google::protobuf::util::TimeUtil;
using store::Change;
using store::Cursor;
using store::Page;

template <typename Message, typename Value>
absl::StatusOr<Page<Message>> Translated(absl::StatusOr<Page<Value>> page) {
  if (!page.ok()) return page.status();
  Page<Message> out;
  out.items.reserve(page->items.size());
  for (const Value& value : page->items) out.items.push_back(ToMessage(value));
  out.next = std::move(page->next);
  return out;
}

template <typename Message, typename Value>
absl::StatusOr<std::vector<Change<Message>>> Translated(
    absl::StatusOr<std::vector<Change<Value>>> changes) {
  if (!changes.ok()) return changes.status();
  std::vector<Change<Message>> out;
  out.reserve(changes->size());
  for (const Change<Value>& change : *changes) {
    out.push_back({change.revision, ToMessage(change.value)});
  }
  return out;
}

template <typename Message, typename Value>
absl::StatusOr<Message> Translated(const absl::StatusOr<Value>& value) {
  if (!value.ok()) return value.status();
  return ToMessage(*value);
}

}  // namespace

absl::StatusOr<Page<v1::Session>> MessageReader::ListSessions(const store::SessionFilter& filter,
                                                              const std::optional<Cursor>& after,
                                                              int limit) {
  return Translated<v1::Session>(reader_->ListSessions(filter, after, limit));
}

absl::StatusOr<Page<v1::Hop>> MessageReader::ListHops(const store::HopFilter& filter,
                                                      const std::optional<Cursor>& after,
                                                      int limit) {
  return Translated<v1::Hop>(reader_->ListHops(filter, after, limit));
}

absl::StatusOr<Page<v1::Edge>> MessageReader::ListEdges(const store::EdgeFilter& filter,
                                                        const std::optional<Cursor>& after,
                                                        int limit) {
  return Translated<v1::Edge>(reader_->ListEdges(filter, after, limit));
}

absl::StatusOr<Page<v1::Detection>> MessageReader::ListDetections(
    const store::DetectionFilter& filter, const std::optional<Cursor>& after, int limit) {
  return Translated<v1::Detection>(reader_->ListDetections(filter, after, limit));
}

absl::StatusOr<Page<v1::Incident>> MessageReader::ListIncidents(const store::IncidentFilter& filter,
                                                                const std::optional<Cursor>& after,
                                                                int limit) {
  return Translated<v1::Incident>(reader_->ListIncidents(filter, after, limit));
}

absl::StatusOr<Page<v1::Host>> MessageReader::ListHosts(const store::HostFilter& filter,
                                                        const std::optional<Cursor>& after,
                                                        int limit) {
  return Translated<v1::Host>(reader_->ListHosts(filter, after, limit));
}

absl::StatusOr<v1::Session> MessageReader::GetSession(const model::SessionId& id) {
  return Translated<v1::Session>(reader_->GetSession(id));
}

absl::StatusOr<v1::Hop> MessageReader::GetHop(const graph::HopId& id) {
  return Translated<v1::Hop>(reader_->GetHop(id));
}

absl::StatusOr<v1::Detection> MessageReader::GetDetection(const model::DetectionId& id) {
  return Translated<v1::Detection>(reader_->GetDetection(id));
}

absl::StatusOr<v1::Incident> MessageReader::GetIncident(const model::IncidentId& id) {
  return Translated<v1::Incident>(reader_->GetIncident(id));
}

absl::StatusOr<v1::Host> MessageReader::GetHost(const model::MachineId& machine) {
  return Translated<v1::Host>(reader_->GetHost(machine));
}

absl::StatusOr<std::vector<v1::Detection>> MessageReader::DetectionsOf(const model::SessionId& id,
                                                                       int limit) {
  HT_ASSIGN_OR_RETURN(std::vector<store::DetectionView> views, reader_->DetectionsOf(id, limit));
  std::vector<v1::Detection> detections;
  for (const store::DetectionView& view : views) detections.push_back(ToMessage(view));
  return detections;
}

absl::StatusOr<std::vector<Change<v1::Detection>>> MessageReader::DetectionsAfter(
    const store::DetectionFilter& filter, int64_t after, int limit) {
  return Translated<v1::Detection>(reader_->DetectionsAfter(filter, after, limit));
}

absl::StatusOr<std::vector<Change<v1::Incident>>> MessageReader::IncidentsAfter(
    const store::IncidentFilter& filter, int64_t after, int limit) {
  return Translated<v1::Incident>(reader_->IncidentsAfter(filter, after, limit));
}

absl::Status MessageReader::AddDeliveries(v1::Incident* incident) {
  HT_ASSIGN_OR_RETURN(const model::IncidentId id, wire::ParseIncidentName(incident->name()));
  HT_ASSIGN_OR_RETURN(const std::optional<store::DeliveryView> view, reader_->DeliveryOf(id));
  if (!view) return absl::OkStatus();
  v1::Delivery* delivery = incident->add_deliveries();
  delivery->set_notifier(view->notifier);
  delivery->set_attempts(view->attempts);
  delivery->set_last_error(view->reason);
  delivery->set_state(view->delivered ? v1::DELIVERED : view->failed ? v1::RETRYING : v1::PENDING);
  if (view->delivered || view->failed) {
    *delivery->mutable_attempt_time() = TimeUtil::NanosecondsToTimestamp(view->attempt_wall_ns);
  }
  if (view->failed) {
    *delivery->mutable_next_attempt_time() =
        TimeUtil::NanosecondsToTimestamp(view->next_attempt_wall_ns);
  }
  return absl::OkStatus();
}

absl::Status MessageReader::AddDegradedHosts(v1::Incident* incident,
                                             const std::optional<model::Degradation>& everywhere) {
  if (incident->state() == v1::RESOLVED) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const model::IncidentId id, wire::ParseIncidentName(incident->name()));
  HT_ASSIGN_OR_RETURN(std::vector<store::DegradedHostView> hosts,
                      reader_->DegradedHostsOf(id, everywhere.has_value()));
  for (const store::DegradedHostView& view : hosts) {
    v1::DegradedHost* host = incident->add_degraded_hosts();
    host->set_host(wire::ResourceName(view.host));
    host->set_host_name(view.host_name);
    for (const model::Degradation& each : view.degradations) {
      *host->add_degradations() = wire::ToProto(each);
    }
    if (everywhere) *host->add_degradations() = wire::ToProto(*everywhere);
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::api
