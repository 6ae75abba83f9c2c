#ifndef HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_
#define HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_

#include <memory>

#include <grpcpp/grpcpp.h>

#include "collector/engine/loop/engine_loop.h"
#include <hoptrail/v1/sensor.grpc.pb.h>

namespace hoptrail::collector::ingest {

// The agents' streams. Takes the bytes raw, so that what cannot be parsed is told apart from a
// stream that was closed. Thread-safe; `loop` is not owned and outlives it.
class SensorService final
    : public v1::SensorService::WithRawCallbackMethod_Connect<v1::SensorService::Service> {
 public:
  explicit SensorService(engine::EngineLoop* loop) : loop_(loop) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  engine::EngineLoop* const loop_;
};

}  // namespace hoptrail::collector::ingest

#endif  // HOPTRAIL_COLLECTOR_INGEST_SENSOR_SERVICE_H_
