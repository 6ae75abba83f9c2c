#ifndef HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
#define HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "collector/app/listeners.h"
#include "collector/app/notifiers.h"
#include "collector/app/options.h"
#include "collector/engine/loop/engine_loop.h"
#include "collector/ingest/sensor_service.h"
#include "collector/query/services.h"
#include "collector/store/sqlite/sqlite_store.h"

namespace hoptrail::collector::app {

// All parts of a collector, wired and running. Owned by main; one thread.
class Collector {
 public:
  static absl::StatusOr<std::unique_ptr<Collector>> Start(const Options& options);
  // Stops cleanly: what agents sent and was not made durable stays with them.
  ~Collector();

  // Another configuration, or other files under the same names (docs: deploy/README.md): what can
  // be taken up is, the rest is said in the log. One that is no good changes nothing, but what its
  // files are is looked at all the same: a renamed output, replaced certificates.
  void Reload(const absl::StatusOr<Options>& options);

  // Serving only while the engine's thread goes round and the store can be written; what reads goes
  // on where it can only be read. Call about once a second.
  void UpdateHealth();

 private:
  explicit Collector(const Options& options);
  absl::Status Open();

  // reload.cc
  void ReloadTls(const v1::CollectorConfig& config);

  const Options started_;  // with; its listeners and its store are in use
  Options options_;        // taken up last
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
  enum class Serving { kNothing, kReading, kAll };
  std::optional<Serving> serving_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
