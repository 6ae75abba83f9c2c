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

// What the configuration file means for each part, defaults filled in. Values.
struct Options {
  v1::CollectorConfig config;
  config::KeyPlaces places;  // where its keys stand, for messages
  engine::EngineOptions engine;
  engine::EngineLoop::Options loop;
  store::SqliteOptions store;
};

// Reads and checks the file. Every error is for the operator and names what is wrong.
absl::StatusOr<Options> LoadOptions(const std::string& path);

// As log_level says. Lines of less weight are dropped from then on.
void SetLogLevelOf(const v1::CollectorConfig& config);

// Looks at what the file names: certificates, the routing key, directories to write in.
config::Findings FindFaults(const Options& options);

// Of these the first that keeps a collector from working. For --check-config, start and reload.
absl::Status CheckFiles(const Options& options);

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_OPTIONS_H_
