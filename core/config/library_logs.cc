#include "core/config/library_logs.h"

#include <atomic>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

namespace hoptrail::config {
namespace {

std::atomic<LibraryLogSink> log_sink{nullptr};

void Forward(absl::string_view library, absl::string_view message) {
  if (const LibraryLogSink sink = log_sink.load()) sink(library, message);
}

void HandleGrpcLog(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) Forward("grpc", args->message);
}

void HandleProtobufLog(google::protobuf::LogLevel level, const char*, int,
                       const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_ERROR) Forward("protobuf", message);
}

}  // namespace

void SetLibraryLogSink(LibraryLogSink sink) {
  log_sink = sink;
  gpr_set_log_function(HandleGrpcLog);
  google::protobuf::SetLogHandler(HandleProtobufLog);
}

}  // namespace hoptrail::config
