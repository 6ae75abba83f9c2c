#ifndef HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_
#define HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_

#include "absl/strings/string_view.h"

namespace hoptrail::config {

// Takes an error of a library, "grpc" or "protobuf". `message` is not escaped yet. Called on any
// thread.
using LibraryLogSink = void (*)(absl::string_view library, absl::string_view message);

// gRPC and protobuf write to standard error on their own, unescaped. From this call on their errors
// go to `sink`, or are dropped where it is null. Holds for the whole process; call it before other
// threads start.
void SetLibraryLogSink(LibraryLogSink sink);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_LIBRARY_LOGS_H_
