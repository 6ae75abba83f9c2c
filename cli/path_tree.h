#ifndef HOPTRAIL_CLI_PATH_TREE_H_
#define HOPTRAIL_CLI_PATH_TREE_H_

#include <string>

#include "cli/path_model.h"
#include "cli/text.h"

namespace hoptrail::cli {

// A tree, root first. For each step: the host, the user, the time, how and from where the session
// began, how certain that is, and the detections. Pure: for any message the output is safe to show,
// and bounded by the size of the message.
std::string RenderPathTree(const PathView& view, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_PATH_TREE_H_
