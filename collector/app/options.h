#ifndef HOPTRAIL_COLLECTOR_APP_OPTIONS_H_
#define HOPTRAIL_COLLECTOR_APP_OPTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/engine/engine.h"
#include "collector/engine/loop/engine_loop.h"
#include "collector/store/sqlite/sqlite_store.h"
#include "core/config/findings.h"
#include "core/config/key_places.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::app {

// The options of each part: from the configuration file, with defaults filled in. A value.
struct Options {
  v1::CollectorConfig config;
  config::KeyPlaces places;  // the lines of its keys, for error messages
  engine::EngineOptions engine;
  engine::EngineLoop::Options loop;
  store::SqliteOptions store;
};

// Reads and checks the file. Every error is for the operator and names what is wrong.
absl::StatusOr<Options> LoadOptions(const std::string& path);

// Applies log_level: lines of a lower level are dropped from then on.
void SetLogLevelOf(const v1::CollectorConfig& config);

// Checks the files that the configuration names: certificates, the routing key, directories to
// write in.
config::Findings FindFaults(const Options& options);

// The first of these faults that keeps a collector from working. For --check-config, start and
// reload.
absl::Status CheckFiles(const Options& options);

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_OPTIONS_H_
