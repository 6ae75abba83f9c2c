#ifndef HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_
#define HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_

#include "absl/strings/string_view.h"

namespace hoptrail::config {

// Takes an error of a library, "grpc" or "protobuf". What it says is not escaped yet. Any thread.
using LibraryLogSink = void (*)(absl::string_view library, absl::string_view message);

// gRPC and protobuf write to standard error on their own, unescaped. From this call on their errors
// go to `sink`, and nowhere where it is null. For the whole process; before other threads start.
void SetLibraryLogSink(LibraryLogSink sink);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_
