#ifndef HOPTRAIL_AGENT_LOADER_HANDOVER_H_
#define HOPTRAIL_AGENT_LOADER_HANDOVER_H_

// How the loader's results travel to the worker.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/kernel/reader.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::agent {

// The sizes of the handles' maps, as text, and back.
std::string SizesText(const kernel::Handles& handles);
absl::Status ParseSizes(const std::string& text, kernel::Handles* handles);

// The coverage report in a file that is only in memory, and back.
absl::StatusOr<UniqueFd> ToMemory(const std::vector<model::SourceCoverage>& sources);
absl::StatusOr<std::vector<model::SourceCoverage>> FromMemory(int fd);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_LOADER_HANDOVER_H_
