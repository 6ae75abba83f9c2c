#ifndef HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
#define HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "collector/app/listeners.h"
#include "collector/app/notifiers.h"
#include "collector/app/options.h"
#include "collector/app/reload.h"
#include "collector/engine/loop/engine_loop.h"
#include "collector/ingest/sensor_service.h"
#include "collector/query/detection_service.h"
#include "collector/query/fleet_service.h"
#include "collector/query/graph_service.h"
#include "collector/store/sqlite/sqlite_store.h"

namespace hoptrail::collector::app {

// All parts of a collector, wired and running. Owned by main; one thread.
class Collector {
 public:
  static absl::StatusOr<std::unique_ptr<Collector>> Start(const Options& options);
  // Stops cleanly. Agents keep the records that were not made durable.
  ~Collector();

  // Applies another configuration, or other files under the same names (deploy/README.md), and logs
  // what needs a restart. An invalid configuration changes nothing, but the files of the present
  // one are opened again all the same: a renamed output, replaced certificates.
  void Reload(const absl::StatusOr<Options>& options) { reloader_->Reload(options); }

  // Updates the gRPC health service: SERVING while the engine makes progress and the store can be
  // written. While the store can only be read, the reading services go on. Call once a second.
  void UpdateHealth();

 private:
  explicit Collector(const Options& options);
  absl::Status Open();

  const Options options_;  // at the start; the Reloader has those that were applied since
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<bus::FactBus> bus_;
  std::unique_ptr<engine::EngineLoop> loop_;
  query::Backend backend_;
  std::unique_ptr<query::Workers> workers_;
  std::unique_ptr<query::WatchHub> hub_;
  std::unique_ptr<Notifiers> notifiers_;
  std::unique_ptr<ingest::SensorService> sensor_service_;
  std::unique_ptr<query::DetectionService> detection_service_;
  std::unique_ptr<query::GraphService> graph_service_;
  std::unique_ptr<query::FleetService> fleet_service_;
  Listeners listeners_;
  std::unique_ptr<Reloader> reloader_;
  enum class Serving { kNothing, kReading, kAll };
  std::optional<Serving> serving_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
