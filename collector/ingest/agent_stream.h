#ifndef HOPTRAIL_COLLECTOR_INGEST_AGENT_STREAM_H_
#define HOPTRAIL_COLLECTOR_INGEST_AGENT_STREAM_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include <grpcpp/grpcpp.h>

#include "collector/bus/fact_bus.h"
#include "collector/rpc/peer.h"
#include "core/base/mutex.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::collector::ingest {

// One agent's stream. Checks every message and that the peer may speak for its host, publishes the
// messages on the bus one at a time, and writes the engine's answers. Any fault ends this stream
// alone, with a status that says why. Keeps itself alive until gRPC is done with it; the engine may
// hold it longer. Thread-safe.
class AgentStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                          public bus::AgentSink,
                          public std::enable_shared_from_this<AgentStream> {
 public:
  // Starts reading. gRPC owns the stream from then on.
  static AgentStream* Begin(rpc::Peer peer, std::string address, bus::FactBus* bus);

  // From gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // From the engine's thread.
  void OnAccepted(const Greeting& greeting) override;
  void Ask(const model::Incarnation& incarnation) override;
  void OnConsumed() override;
  void Acknowledge(uint64_t sequence) override;
  void SendEndRequest(const model::HopKey& key) override;
  void SendProvenance(const model::Provenance& provenance) override;
  void End(const absl::Status& status) override;
  int64_t LastMessageBootNs() const override;
  bool SaidGoodbye() const override { return said_goodbye_; }

 private:
  AgentStream(rpc::Peer peer, std::string address, bus::FactBus* bus);

  absl::Status TakeMessage();
  absl::Status TakeHello(const v1::Hello& hello);
  absl::Status TakeBatch(const v1::Batch& batch);
  absl::Status TakeIncarnation(const v1::Incarnation& confirmed);
  absl::Status TakeGoodbye(const v1::Goodbye& message);
  void Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const v1::CollectorMessage& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const rpc::Peer peer_;
  const std::string address_;
  bus::FactBus* const bus_;
  std::shared_ptr<AgentStream> self_;  // until OnDone

  // Only the reading side uses these, and gRPC runs one read at a time: no lock.
  grpc::ByteBuffer incoming_;
  bool greeted_ = false;
  model::HostId host_;
  uint64_t last_sequence_ = 0;

  std::atomic<int64_t> last_message_boot_ns_{0};
  std::atomic<bool> waiting_{false};  // the engine has not yet taken the last message
  std::atomic<bool> said_goodbye_{false};

  Mutex mutex_;
  grpc::ByteBuffer outgoing_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  std::optional<Greeting> greeting_ ABSL_GUARDED_BY(mutex_);
  std::optional<model::Incarnation> ask_ ABSL_GUARDED_BY(mutex_);
  std::optional<uint64_t> acknowledge_ ABSL_GUARDED_BY(mutex_);  // to be sent; the highest
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<model::HopKey> end_requests_ ABSL_GUARDED_BY(mutex_);  // to be sent
  // To be sent: the latest of each session.
  std::map<model::SessionId, model::Provenance> provenance_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::collector::ingest

#endif  // HOPTRAIL_COLLECTOR_INGEST_AGENT_STREAM_H_
