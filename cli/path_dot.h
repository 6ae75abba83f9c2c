#ifndef HOPTRAIL_CLI_PATH_DOT_H_
#define HOPTRAIL_CLI_PATH_DOT_H_

#include <string>

#include "cli/path_model.h"

namespace hoptrail::cli {

// A path as a digraph in the DOT language of Graphviz. Dashed edges are inferred. `utc`: not local
// time. Pure: for any message the output is safe to show, and bounded by the size of the message.
std::string RenderPathDot(const PathView& view, bool utc);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_PATH_DOT_H_
