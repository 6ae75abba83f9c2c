#ifndef HOPTRAIL_CLI_PATH_MODEL_H_
#define HOPTRAIL_CLI_PATH_MODEL_H_

// What the tree and the graph of a path have in common: its shape, and what is remarkable about a
// step. Takes nothing in the message for granted.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/text.h"

namespace hoptrail::v1 {
class Path;
class PathStep;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

// Steps by index in Path.steps. A parent that does not come before its child counts as none.
struct PathShape {
  std::vector<int> parents;  // -1 for roots
  std::vector<std::vector<int>> children;
  std::vector<int> roots;
};

PathShape ShapeOf(const v1::Path& path);

// The connection that led to a step, whichever end reported it.
bool HasHop(const v1::PathStep& step);
// Both ends reported it and saw different addresses.
bool IsTranslated(const v1::PathStep& step);
// When the step began, by its host's clock, in ms since 1970.
int64_t StepMilliseconds(const v1::PathStep& step);
// Where a root's connection came from: "192.0.2.9:51515"; empty where it was none, and where an
// agent speaks for that end.
std::string OriginAddress(const v1::PathStep& step, const Style& style);
// And whose that address is: "outside the fleet", or "from web, where nobody saw it" for a host of
// the fleet.
std::string OriginWords(const v1::PathStep& step, const Style& style);
// "PROVEN", "INFERRED p=0.83", "UNJOINED" (one end is missing), "su, same host".
std::string ProofWords(const v1::PathStep& step, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_PATH_MODEL_H_
