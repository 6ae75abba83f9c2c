#ifndef HOPTRAIL_CLI_LIST_VIEW_H_
#define HOPTRAIL_CLI_LIST_VIEW_H_

// Sessions and detections as aligned tables. Pure.

#include <string>
#include <vector>

#include "cli/text.h"

namespace hoptrail::v1 {
class Detection;
class Session;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

std::string RenderSessions(const std::vector<v1::Session>& sessions, const Style& style);
std::string RenderDetections(const std::vector<v1::Detection>& detections, const Style& style);

// One detection of a watch: a line, and its summary below. `again`: it was shown before and now has
// more evidence.
std::string RenderWatched(const v1::Detection& detection, bool again, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_LIST_VIEW_H_
