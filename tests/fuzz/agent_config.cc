// The agent's configuration file.

#include "agent/config/settings.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const fuzz::MemoryFile file(absl::string_view(reinterpret_cast<const char*>(data), size));
  const auto settings = agent::LoadSettings(file.path());
  if (settings.ok()) {
    fuzz::Require(!settings->watched_ports.empty(), "some port is watched");
  } else {
    fuzz::Require(settings.status().code() == absl::StatusCode::kInvalidArgument,
                  "a fault of the file is an invalid argument");
  }
  return 0;
}
