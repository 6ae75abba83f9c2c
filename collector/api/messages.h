#ifndef HOPTRAIL_COLLECTOR_API_MESSAGES_H_
#define HOPTRAIL_COLLECTOR_API_MESSAGES_H_

// Converts the store's values to messages of the public API. Pure functions.

#include "collector/store/stored_hop.h"
#include "collector/store/views.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

v1::Session ToMessage(const store::SessionView& view);
v1::Hop ToMessage(const store::StoredHop& stored);
v1::Edge ToMessage(const model::EdgeCount& edge);
v1::Detection ToMessage(const store::DetectionView& view);
v1::Incident ToMessage(const model::Incident& incident);
v1::Host ToMessage(const store::HostView& view);

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_MESSAGES_H_
