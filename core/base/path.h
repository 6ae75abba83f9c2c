#ifndef HOPTRAIL_CORE_BASE_PATH_H_
#define HOPTRAIL_CORE_BASE_PATH_H_

#include "absl/strings/string_view.h"

namespace hoptrail {

// What follows the last slash: the whole path where there is none, nothing after a slash at its
// end.
inline absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_PATH_H_
