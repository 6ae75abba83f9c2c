#ifndef HOPTRAIL_AGENT_LOADER_HANDOVER_H_
#define HOPTRAIL_AGENT_LOADER_HANDOVER_H_

// The message with which the loader passes its results to the supervisor, which passes them on to
// the workers.

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/reader.h"
#include "agent/privilege/channel.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::agent::loader {

// The results of a loader that has started.
struct Handover {
  kernel::Handles handles;     // with the descriptors of `maps`, and without `reported_fd`
  std::vector<UniqueFd> maps;  // both rings and the loss counters
  std::vector<model::SourceCoverage> coverage;
};

// A file in memory with the coverage report. Made before the loader is confined, which forbids
// that.
absl::StatusOr<UniqueFd> CoverageFile(const std::vector<model::SourceCoverage>& coverage);

// By the loader, once: the results, or the reason why it did not start.
absl::Status SendHandover(const privilege::Channel& supervisor, const kernel::Handles& handles,
                          const UniqueFd& coverage_file);
absl::Status SendFailure(const privilege::Channel& supervisor, const absl::Status& why);

// By the supervisor: waits for the message. Returns the loader's reason where it did not start,
// INTERNAL where the message is incomplete, and Channel::Receive()'s errors.
absl::StatusOr<Handover> ReceiveHandover(const privilege::Channel& loader, absl::Duration timeout);

}  // namespace hoptrail::agent::loader

#endif  // HOPTRAIL_AGENT_LOADER_HANDOVER_H_
