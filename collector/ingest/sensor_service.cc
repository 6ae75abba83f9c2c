#include "collector/ingest/sensor_service.h"

#include "collector/ingest/agent_stream.h"
#include "collector/rpc/peer.h"

namespace hoptrail::collector::ingest {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SensorService::Connect(
    grpc::CallbackServerContext* context) {
  return AgentStream::Begin(rpc::PeerOf(*context), context->peer(), bus_);
}

}  // namespace hoptrail::collector::ingest
