#ifndef HOPTRAIL_COLLECTOR_APP_RELOAD_H_
#define HOPTRAIL_COLLECTOR_APP_RELOAD_H_

#include "absl/status/statusor.h"

#include "collector/app/listeners.h"
#include "collector/app/notifiers.h"
#include "collector/app/options.h"
#include "collector/engine/loop/engine_loop.h"

namespace hoptrail::collector::app {

// What SIGHUP does: applies another configuration to a running collector, and opens its files
// again. Owned by the Collector, and used by its thread.
class Reloader {
 public:
  // `started`: the options with which the collector was started. The rest is not owned.
  Reloader(const Options& started, engine::EngineLoop* loop, Notifiers* notifiers,
           Listeners* listeners)
      : started_(started),
        applied_(started),
        loop_(loop),
        notifiers_(notifiers),
        listeners_(listeners) {}

  // See Collector::Reload.
  void Reload(const absl::StatusOr<Options>& options);

 private:
  void ReloadTls(const v1::CollectorConfig& config);

  const Options started_;  // its listeners and its store are in use
  Options applied_;        // last
  engine::EngineLoop* const loop_;
  Notifiers* const notifiers_;
  Listeners* const listeners_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_RELOAD_H_
