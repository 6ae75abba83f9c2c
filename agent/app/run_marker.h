#ifndef HOPTRAIL_AGENT_APP_RUN_MARKER_H_
#define HOPTRAIL_AGENT_APP_RUN_MARKER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "core/model/ids.h"

namespace hoptrail::agent::app {

// A file in the state directory that is there while the agent runs, and stays when it is killed.
// Of an earlier boot it says nothing: there the whole machine ended.
class RunMarker {
 public:
  RunMarker(const std::string& state_directory, const model::BootId& boot)
      : path_(state_directory + "/running"), boot_(model::ToString(boot)) {}

  // Marks the beginning. True where the last run in this boot did not call End().
  absl::StatusOr<bool> Begin() const;
  // The run ends as it should.
  void End() const;

 private:
  const std::string path_;
  const std::string boot_;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_RUN_MARKER_H_
