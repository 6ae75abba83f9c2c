#ifndef HOPTRAIL_CORE_BASE_READ_FILE_H_
#define HOPTRAIL_CORE_BASE_READ_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace hoptrail {

// A whole file that an operator has named, of at most `most` bytes. A FIFO, a device or a socket in
// its place hangs nobody: it reads as what is in it at that moment, mostly nothing. Errors begin
// with the path: what open(2) and read(2) say, INVALID_ARGUMENT where it is larger.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most);

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_READ_FILE_H_
