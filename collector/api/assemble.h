#ifndef HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_
#define HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

#include "collector/api/message_reader.h"
#include "collector/engine/values/outcome.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

// Asks the engine for the path of a session. May wait for the engine's thread.
using PathSource = std::function<absl::StatusOr<engine::Path>(const model::SessionId&)>;

// Adds to each of the engine's steps what the store knows about it: session, hop, detections.
// `name` becomes the path's name. Leaves out steps whose session the store has removed, and all
// steps below them.
absl::StatusOr<v1::Path> AssemblePath(MessageReader* reader, const engine::Path& path,
                                      const std::string& name);

// The path of a session or of an incident's root. `name` may hold any unique beginning of the id. A
// session that has left the engine's memory is a path of its own, without a hop. Errors:
// INVALID_ARGUMENT, NOT_FOUND, and those of `source`.
absl::StatusOr<v1::Path> FindPath(MessageReader* reader, const PathSource& source,
                                  const std::string& name);

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_
