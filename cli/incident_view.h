#ifndef HOPTRAIL_CLI_INCIDENT_VIEW_H_
#define HOPTRAIL_CLI_INCIDENT_VIEW_H_

// Incidents for people: in a table, and one by one. Pure.

#include <map>
#include <string>
#include <vector>

#include "cli/text.h"

namespace hoptrail::v1 {
class Detection;
class Incident;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

std::string RenderIncidents(const std::vector<v1::Incident>& incidents, const Style& style);

// The incident, the delivery of its page, and the degraded hosts on its path: the lines above its
// detections, or above its path.
std::string RenderIncidentHeading(const v1::Incident& incident, const Style& style);

// The heading and its detections, oldest first; `detections` may lack some.
std::string RenderIncident(const v1::Incident& incident,
                           const std::map<std::string, v1::Detection>& detections,
                           const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_INCIDENT_VIEW_H_
