#ifndef HOPTRAIL_COLLECTOR_QUERY_INCIDENT_STATE_H_
#define HOPTRAIL_COLLECTOR_QUERY_INCIDENT_STATE_H_

#include "collector/api/message_reader.h"
#include "collector/query/unary.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::query {

// Fills in the fields that only answers have: the state of its pages, and its degraded hosts.
inline absl::Status AddState(const Backend* backend, api::MessageReader* reader,
                             v1::Incident* incident) {
  HT_RETURN_IF_ERROR(reader->AddDeliveries(incident));
  return reader->AddDegradedHosts(incident, backend->store->trouble());
}

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_INCIDENT_STATE_H_
