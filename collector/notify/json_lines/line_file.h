#ifndef HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "core/base/unique_fd.h"

namespace hoptrail::collector::notify {

// A file of lines that is only ever appended to, and that others may rename or empty at any time.
// A line is in it as a whole or not at all: what could not be written to its end is taken back, and
// what a crash left half written is ended before the next line begins. One thread.
class LineFile {
 public:
  // `target` is a file, created with mode 0600 where it is missing, or "-" for standard output.
  static absl::StatusOr<LineFile> Open(const std::string& target);

  // `lines` end in a newline each. An error means that none of them can be relied on to be there
  // after a power cut; a few of them may come twice when they are written again.
  absl::Status Append(std::string lines);

 private:
  LineFile(UniqueFd file, bool regular) : file_(std::move(file)), regular_(regular) {}

  UniqueFd file_;
  bool regular_ = false;
  bool torn_ = false;  // what was written last to something that is no regular file
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_
