#ifndef HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "core/base/unique_fd.h"

namespace hoptrail::collector::notify {

// A file of lines. Lines are only appended; others may rename or empty the file at any time. The
// file holds a line completely or not at all: a partly written line is taken back, and one that a
// crash left is ended before the next line begins. Used by one thread.
class LineFile {
 public:
  // `target` is a file, created with mode 0600 where it is missing, or "-" for standard output.
  static absl::StatusOr<LineFile> Open(const std::string& target);

  // Each of `lines` ends in a newline. After an error none of them is sure to survive a power cut;
  // some may come twice when they are written again.
  absl::Status Append(std::string lines);

 private:
  LineFile(UniqueFd file, bool regular) : file_(std::move(file)), regular_(regular) {}

  UniqueFd file_;
  bool regular_ = false;
  bool torn_ = false;  // the last write to a file that is not regular was partial
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_LINE_FILE_H_
