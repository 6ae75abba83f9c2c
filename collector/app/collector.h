#ifndef HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
#define HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "collector/app/options.h"
#include "collector/ingest/engine_loop.h"
#include "collector/ingest/sensor_service.h"
#include "collector/notify/json_lines.h"
#include "collector/notify/pagerduty.h"
#include "collector/query/services.h"
#include "collector/store/store.h"

namespace hoptrail::collector::app {

// All parts of a collector, wired and running. Owned by main; one thread.
class Collector {
 public:
  static absl::StatusOr<std::unique_ptr<Collector>> Start(const Options& options);
  // Stops cleanly: what agents sent and was not made durable stays with them.
  ~Collector();

  // Serving only while the engine's thread goes round and the store can be written; what reads goes
  // on where it can only be read. Call about once a second.
  void UpdateHealth();

 private:
  explicit Collector(const Options& options);
  absl::Status Open();

  const Options options_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<path::Engine> engine_;
  std::unique_ptr<ingest::EngineLoop> loop_;
  query::Backend backend_;
  std::unique_ptr<query::Workers> workers_;
  std::unique_ptr<query::WatchHub> hub_;
  std::unique_ptr<notify::PagerDuty> pagerduty_;
  std::unique_ptr<notify::JsonLines> json_lines_;
  std::unique_ptr<ingest::SensorService> sensor_service_;
  std::unique_ptr<query::DetectionService> detection_service_;
  std::unique_ptr<query::GraphService> graph_service_;
  std::unique_ptr<query::FleetService> fleet_service_;
  std::unique_ptr<grpc::Server> server_;
  enum class Serving { kNothing, kReading, kAll };
  std::optional<Serving> serving_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_COLLECTOR_H_
