#ifndef HOPTRAIL_CLI_PATH_VIEW_H_
#define HOPTRAIL_CLI_PATH_VIEW_H_

// A path as a tree for people and as a graph for Graphviz. Pure functions of the API's messages;
// whatever these say, the output is safe to show and bounded by their size.

#include <map>
#include <string>

#include "cli/text.h"

namespace hoptrail::v1 {
class Detection;
class Incident;
class Path;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

// What is drawn. Borrowed: all must outlive the call.
struct PathView {
  const v1::Path* path = nullptr;
  const v1::Incident* incident = nullptr;                            // Null for a session's path.
  const std::map<std::string, v1::Detection>* detections = nullptr;  // By name; may lack some.
};

// A tree, root first: per step the host, user, time, how and from where they got in, how sure that
// is, and what was detected there.
std::string RenderPathTree(const PathView& view, const Style& style);

// The same as a digraph in the DOT language: dashed edges are inferred. `utc`: else local time.
std::string RenderPathDot(const PathView& view, bool utc);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_PATH_VIEW_H_
