#ifndef HOPTRAIL_CORE_BASE_READ_FILE_H_
#define HOPTRAIL_CORE_BASE_READ_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace hoptrail {

// Reads a whole file that an operator has named, of at most `most` bytes. Does not block on a FIFO,
// a device or a socket in its place: reads what it holds at that moment, mostly nothing. Errors
// begin with the path: those of open(2) and read(2), INVALID_ARGUMENT where the file is larger.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most);

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_READ_FILE_H_
