#ifndef HOPTRAIL_AGENT_UPLINK_CONNECTION_H_
#define HOPTRAIL_AGENT_UPLINK_CONNECTION_H_

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <grpcpp/grpcpp.h>

#include "core/base/mutex.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"
#include <hoptrail/v1/config.pb.h>
#include <hoptrail/v1/sensor.grpc.pb.h>

namespace hoptrail::agent::uplink {

// One stream to the collector, from Hello to its end. The owner's thread calls Start, Write and
// Finish; a thread of the connection's own reads, and calls the handlers. Checks every message of
// the collector: it is a peer, too.
class Connection {
 public:
  struct Handlers {
    // The collector has made everything up to and including this durable; never above what was
    // sent.
    std::function<void(uint64_t)> on_acknowledged;
    std::function<void(model::Provenance)> on_provenance;
    // The collector wants this host's end of that connection.
    std::function<void(const model::HopKey&)> on_end_request;
    // The collector asks whether the agent is there, and gives the stream a new incarnation, to be
    // answered by WriteIncarnation().
    std::function<void(const model::Incarnation&)> on_incarnation;
    // The stream has ended: Write() fails from now on.
    std::function<void()> on_end;
  };

  // The collector's answer to Hello; hoptrail.v1.Welcome.
  struct Welcome {
    uint64_t acknowledged = 0;
    model::Incarnation incarnation;
    std::optional<model::HostId> assumed_host;
  };

  // Reads the certificates, and fails where they are not good. Does not connect.
  static absl::StatusOr<std::unique_ptr<Connection>> Create(const v1::CollectorAddress& collector,
                                                            Handlers handlers);
  // Finish() must have been called if Start() was.
  ~Connection();

  // Connects, sends `hello` and waits for Welcome, at most 15 s. Welcome may acknowledge more than
  // `last_sequence`, the highest number that exists.
  absl::StatusOr<Welcome> Start(const v1::Hello& hello, uint64_t last_sequence);

  // Waits for flow control; false once the stream has ended. `last_sequence` is the batch's.
  bool Write(v1::Batch batch, uint64_t last_sequence);

  // False once the stream has ended. The goodbye is the last message.
  bool WriteHeartbeat();
  bool WriteIncarnation(const model::Incarnation& durable);
  bool WriteGoodbye(const v1::Goodbye& goodbye);

  uint64_t acknowledged() const;  // the highest so far
  bool ended() const;

  // Ends the stream from any thread, at any time after Create().
  void Cancel();
  // Ends the stream if it has not ended, and returns the reason of its end.
  absl::Status Finish();

 private:
  Connection(std::shared_ptr<grpc::Channel> channel, Handlers handlers);
  void Read();
  absl::Status Handle(const v1::CollectorMessage& message);
  absl::Status TakeWelcome(const v1::Welcome& welcome);
  absl::Status TakeAcknowledgement(uint64_t sequence);
  bool WelcomedOrEnded() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return welcomed_ || ended_; }

  const Handlers handlers_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::SensorService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> stream_;
  std::thread thread_;

  mutable Mutex mutex_;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  Welcome welcome_ ABSL_GUARDED_BY(mutex_);
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;  // what the collector may acknowledge
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status violation_ ABSL_GUARDED_BY(mutex_);  // the collector's violation of the protocol
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_CONNECTION_H_
