#ifndef HOPTRAIL_CLI_PATH_MODEL_H_
#define HOPTRAIL_CLI_PATH_MODEL_H_

// The parts that the tree and the graph of a path share: its shape, and words about a step. Accepts
// any message, however inconsistent.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/text.h"

namespace hoptrail::v1 {
class Detection;
class Incident;
class OtherCause;
class Path;
class PathStep;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

// The path and what belongs to it. Not owned.
struct PathView {
  const v1::Path* path = nullptr;
  const v1::Incident* incident = nullptr;                            // null for a session's path
  const std::map<std::string, v1::Detection>* detections = nullptr;  // by name; may lack some
};

// Steps by index in Path.steps. A parent that does not come before its child is ignored.
struct PathShape {
  std::vector<int> parents;  // -1 for roots
  std::vector<std::vector<int>> children;
  std::vector<int> roots;
};

PathShape ShapeOf(const v1::Path& path);

// Whether both ends reported the hop, with different addresses.
bool IsTranslated(const v1::PathStep& step);
// When the step began, by its host's clock, in ms since 1970.
int64_t StepMilliseconds(const v1::PathStep& step);
// The address from which a root's connection came: "192.0.2.9:51515". Empty without a connection,
// and where an agent reported that end.
std::string OriginAddress(const v1::PathStep& step, const Style& style);
// Whose address that is: "outside the fleet", or "from web (its agent reported no such connection)"
// for a host of the fleet.
std::string OriginWords(const v1::PathStep& step, const Style& style);
// The hosts of the fleet in it: "web (its agent reported no such connection) or db (…)".
std::string OriginHostWords(const v1::PathStep& step, const Style& style);
// "PROVEN", "INFERRED p=0.83", "UNJOINED" (one end is missing), "su, same host", "connection
// PROVEN, cause INFERRED p=0.50"; for a step to a host without an agent "one end only".
std::string ProofWords(const v1::PathStep& step, const Style& style);
// "deploy on web, INFERRED p=0.50, session 3f2a1b4c".
std::string OtherCauseWords(const v1::OtherCause& cause, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_PATH_MODEL_H_
