// The collector's configuration file.

#include "collector/app/options.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const fuzz::MemoryFile file(absl::string_view(reinterpret_cast<const char*>(data), size));
  const auto options = collector::app::LoadOptions(file.path());
  if (options.ok()) {
    fuzz::Require(options->store.retention.max_age_ns > 0, "the store has a retention");
    fuzz::Require(options->engine.retention_ns > 0, "the engine has a retention");
  } else {
    fuzz::Require(options.status().code() == absl::StatusCode::kInvalidArgument,
                  "a fault of the file is an invalid argument");
  }
  return 0;
}
