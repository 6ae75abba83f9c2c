#ifndef HOPTRAIL_AGENT_APP_RUN_MARKER_H_
#define HOPTRAIL_AGENT_APP_RUN_MARKER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/ids.h"

namespace hoptrail::agent::app {

// A file in the state directory that names the boot in which the agent runs, and still does when it
// was killed. Of an earlier boot it says nothing: there the whole machine ended. It is written in
// place and never removed, so that a full disk does not keep it from being written.
class RunMarker {
 public:
  RunMarker(const std::string& state_directory, const model::BootId& boot)
      : path_(state_directory + "/running"), boot_(model::ToString(boot)) {}

  // Marks the beginning. True where the last run in this boot did not call End().
  absl::StatusOr<bool> Begin() const;
  // The run ends as it should.
  void End() const;

 private:
  absl::Status Write(int file, absl::string_view text) const;

  const std::string path_;
  const std::string boot_;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_RUN_MARKER_H_
