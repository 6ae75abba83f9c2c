#ifndef HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_
#define HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_

// Checks whether the calling thread, with its effective ids and capabilities, may use a path as a
// configuration requires. Creates nothing. Errors name the path and what to do.

#include <string>

#include "absl/status/status.h"

namespace hoptrail::config {

// The directory is writable, or does not exist yet and can be created.
absl::Status CheckWritableDirectory(const std::string& path);

// The file is writable, or does not exist yet and can be created.
absl::Status CheckWritableFile(const std::string& path);

// Users that are neither the file's owner nor of its group may read or change it.
bool IsOpenToOthers(const std::string& path);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_FILE_CHECKS_H_
