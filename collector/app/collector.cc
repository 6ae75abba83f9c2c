#include "collector/app/collector.h"

#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/health_check_service_interface.h>

#include "collector/bus/in_process_bus.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::app {
namespace {

constexpr size_t kQueryThreads = 4;
constexpr size_t kQueuedQueries = 10'000;
constexpr absl::Duration kAliveWithin = absl::Seconds(10);
constexpr int64_t kShutdownSeconds = 3;

// gRPC measures by the monotonic clock, and would convert a time of the wall clock.
gpr_timespec ShutdownDeadline() {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_seconds(kShutdownSeconds, GPR_TIMESPAN));
}

}  // namespace

Collector::Collector(const Options& options) : options_(options) {}

absl::StatusOr<std::unique_ptr<Collector>> Collector::Start(const Options& options) {
  std::unique_ptr<Collector> collector(new Collector(options));
  HT_RETURN_IF_ERROR(collector->Open());
  return collector;
}

absl::Status Collector::Open() {
  // One reader for each query thread, one for the pager, and one for JSON lines.
  store::SqliteOptions store_options = options_.store;
  store_options.readers = kQueryThreads + 2;
  HT_ASSIGN_OR_RETURN(store_, store::SqliteStore::Open(store_options, Clock::System().WallNs()));
  engine_ = std::make_unique<engine::Engine>(options_.engine);
  bus_ = std::make_unique<bus::InProcessBus>();
  loop_ =
      std::make_unique<engine::EngineLoop>(engine_.get(), store_.get(), bus_.get(), options_.loop);
  HT_RETURN_IF_ERROR(loop_->Restore());

  workers_ = std::make_unique<query::Workers>(kQueryThreads, kQueuedQueries);
  hub_ = std::make_unique<query::WatchHub>(store_.get());
  backend_.store = store_.get();
  backend_.workers = workers_.get();
  backend_.path_of = [this](const model::SessionId& session) { return loop_->PathOf(session); };
  backend_.set_incident_state = [this](const model::IncidentId& incident,
                                       model::IncidentState state, const std::string& who) {
    return loop_->SetIncidentState(incident, state, who).status();
  };
  backend_.remove_host = [this](const model::HostId& host, const std::string& who) {
    return loop_->RemoveHost(host, who);
  };
  notifiers_ = std::make_unique<Notifiers>(store_.get(), backend_.path_of);
  HT_RETURN_IF_ERROR(notifiers_->Create(options_.config));
  sensor_service_ = std::make_unique<ingest::SensorService>(bus_.get());
  detection_service_ = std::make_unique<query::DetectionService>(&backend_, hub_.get());
  graph_service_ = std::make_unique<query::GraphService>(&backend_);
  fleet_service_ = std::make_unique<query::FleetService>(&backend_);
  loop_->Start();
  HT_ASSIGN_OR_RETURN(listeners_,
                      Listen(options_.config, {sensor_service_.get(), detection_service_.get(),
                                               graph_service_.get(), fleet_service_.get()}));
  reloader_ = std::make_unique<Reloader>(options_, loop_.get(), notifiers_.get(), &listeners_);
  notifiers_->Start();
  UpdateHealth();
  return absl::OkStatus();
}

void Collector::UpdateHealth() {
  Serving serving = loop_->Alive(kAliveWithin) ? Serving::kAll : Serving::kNothing;
  if (store_->trouble()) serving = Serving::kReading;
  if (serving_ == serving) return;
  if (serving == Serving::kNothing) {
    LogError("collector", "the engine makes no progress: not serving");
  } else if (serving == Serving::kReading) {
    LogError("collector", "serving only what was stored before");
  } else if (serving_) {
    LogInfo("collector", "serving again");
  }
  serving_ = serving;
  grpc::HealthCheckServiceInterface* health = listeners_.server->GetHealthCheckService();
  health->SetServingStatus("", serving == Serving::kAll);
  health->SetServingStatus(v1::SensorService::service_full_name(), serving == Serving::kAll);
  for (const char* reading :
       {v1::DetectionService::service_full_name(), v1::GraphService::service_full_name(),
        v1::FleetService::service_full_name()}) {
    health->SetServingStatus(reading, serving != Serving::kNothing);
  }
}

Collector::~Collector() {
  // Wakes the threads that wait for changes, so that they end.
  if (store_ != nullptr) {
    store_->changes()->Close();
    store_->outbox_changes()->Close();
  }
  if (hub_ != nullptr) hub_->Stop();
  if (notifiers_ != nullptr) notifiers_->Stop();
  if (loop_ != nullptr) loop_->Stop();
  if (listeners_.server != nullptr) listeners_.server->Shutdown(ShutdownDeadline());
  if (workers_ != nullptr) workers_->Stop();
}

}  // namespace hoptrail::collector::app
