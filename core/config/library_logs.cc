#include "core/config/library_logs.h"

#include <atomic>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

namespace hoptrail::config {
namespace {

std::atomic<LibraryLogSink> log_sink{nullptr};

void Pass(absl::string_view library, absl::string_view message) {
  if (const LibraryLogSink sink = log_sink.load()) sink(library, message);
}

void OfGrpc(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) Pass("grpc", args->message);
}

void OfProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_ERROR) Pass("protobuf", message);
}

}  // namespace

void SetLibraryLogSink(LibraryLogSink sink) {
  log_sink = sink;
  gpr_set_log_function(OfGrpc);
  google::protobuf::SetLogHandler(OfProtobuf);
}

}  // namespace hoptrail::config
