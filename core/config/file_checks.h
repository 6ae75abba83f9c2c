#ifndef HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_
#define HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_

// Whether the calling thread, with its effective ids and capabilities, may use a path as a
// configuration wants to. Nothing is created. Errors name the path and what to do.

#include <string>

#include "absl/status/status.h"

namespace hoptrail::config {

// The directory takes new files, or does not exist yet and can be made.
absl::Status CheckWritableDirectory(const std::string& path);

// The file can be written, or does not exist yet and can be made.
absl::Status CheckWritableFile(const std::string& path);

// Users that are neither the file's owner nor of its group may read or change it.
bool IsOpenToOthers(const std::string& path);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_
