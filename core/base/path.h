#ifndef HOPTRAIL_CORE_BASE_PATH_H_
#define HOPTRAIL_CORE_BASE_PATH_H_

#include "absl/strings/string_view.h"

namespace hoptrail {

// The part after the last slash: the whole path where there is none, empty where the path ends
// with one.
inline absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_PATH_H_
