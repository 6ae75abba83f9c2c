#ifndef HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_
#define HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

#include "collector/api/message_reader.h"
#include "collector/engine/values/outcome.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

// Asks the engine for a path; may wait for its thread.
using PathSource = std::function<absl::StatusOr<engine::Path>(const model::SessionId&)>;

// The engine's steps with everything that the store knows of each: session, hop, detections.
// `name` is what was asked for. Steps whose session the store has removed are left out with what
// follows from them.
absl::StatusOr<v1::Path> AssemblePath(MessageReader* reader, const engine::Path& path,
                                      const std::string& name);

// The path of a session, or of an incident's root. Sessions that have left the engine's memory are
// shown by themselves, without a hop. Any unique beginning of the id will do. INVALID_ARGUMENT,
// NOT_FOUND, or what `source` fails with.
absl::StatusOr<v1::Path> FindPath(MessageReader* reader, const PathSource& source,
                                  const std::string& name);

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_ASSEMBLE_H_
