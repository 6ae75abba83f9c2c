#ifndef HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_
#define HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_

#include <memory>

#include <grpcpp/grpcpp.h>

#include "collector/bus/fact_bus.h"
#include <hoptrail/v1/sensor.grpc.pb.h>

namespace hoptrail::collector::ingest {

// Serves the agents' streams. Reads raw bytes, because gRPC reports a message that does not parse
// and a closed stream alike. Thread-safe; `bus` is not owned and outlives it.
class SensorService final
    : public v1::SensorService::WithRawCallbackMethod_Connect<v1::SensorService::Service> {
 public:
  explicit SensorService(bus::FactBus* bus) : bus_(bus) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  bus::FactBus* const bus_;
};

}  // namespace hoptrail::collector::ingest

#endif  // HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_
