#ifndef HOPTRAIL_AGENT_UPLINK_FAKE_COLLECTOR_H_
#define HOPTRAIL_AGENT_UPLINK_FAKE_COLLECTOR_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include <grpcpp/grpcpp.h>

#include "core/base/mutex.h"
#include <hoptrail/v1/sensor.grpc.pb.h>

namespace hoptrail::agent::uplink {

// A real gRPC server with a SensorService that only remembers the messages that it got. A restart
// keeps the memory, as a collector's store would.
class FakeCollector : public v1::SensorService::Service {
 public:
  explicit FakeCollector(std::string address, std::shared_ptr<grpc::ServerCredentials> credentials =
                                                  grpc::InsecureServerCredentials())
      : address_(std::move(address)), credentials_(std::move(credentials)) {
    Start();
  }
  ~FakeCollector() override { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, credentials_, &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  int port() const { return port_; }

  grpc::Status Connect(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>* stream) override {
    v1::AgentMessage message;
    if (!stream->Read(&message) || !message.has_hello()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "no hello"};
    }
    const std::string host = message.hello().host();
    v1::CollectorMessage answer;
    {
      MutexLock lock(&mutex_);
      hellos_.push_back(message.hello());
      if (!refusal.ok()) return refusal;
      answer.mutable_welcome()->set_acknowledged_sequence(forget ? 0 : acknowledged_[host]);
      if (incarnation.counter() > 0) *answer.mutable_welcome()->mutable_incarnation() = incarnation;
      if (assumed.contains(host)) answer.mutable_welcome()->set_assumed_host(assumed[host]);
    }
    stream->Write(answer);
    if (after_welcome.message_case() != v1::CollectorMessage::MESSAGE_NOT_SET)
      stream->Write(after_welcome);
    while (stream->Read(&message)) {
      MutexLock lock(&mutex_);
      if (message.has_heartbeat()) ++heartbeats_;
      if (message.has_incarnation()) confirmed_.push_back(message.incarnation());
      if (message.has_goodbye()) {
        ++goodbyes_;
        last_goodbye_ = message.goodbye();
        records_before_goodbye_ = received_.size();
      }
      if (!message.has_batch()) continue;
      largest_batch_ = std::max(largest_batch_, message.batch().records_size());
      for (const v1::Record& record : message.batch().records()) {
        received_.push_back(record);
        acknowledged_[host] = std::max(acknowledged_[host], record.sequence());
      }
      if (silent) continue;
      answer.mutable_acknowledgement()->set_sequence(acknowledged_[host]);
      stream->Write(answer);
    }
    return grpc::Status::OK;
  }

  // Its behaviour; set before the stream is opened.
  grpc::Status refusal;
  bool forget = false;                         // acknowledges 0 in Welcome
  bool silent = false;                         // never acknowledges
  v1::CollectorMessage after_welcome;          // sent after Welcome, where set
  v1::Incarnation incarnation;                 // of every stream, where its counter is not 0
  std::map<std::string, std::string> assumed;  // by host: another agent speaks for it

  // As if it had received that already.
  void SetAcknowledged(const std::string& host, uint64_t sequence) {
    MutexLock lock(&mutex_);
    acknowledged_[host] = sequence;
  }

  std::vector<v1::Record> received() {
    MutexLock lock(&mutex_);
    return received_;
  }
  std::vector<v1::Hello> hellos() {
    MutexLock lock(&mutex_);
    return hellos_;
  }
  std::vector<v1::Incarnation> confirmed() {
    MutexLock lock(&mutex_);
    return confirmed_;
  }
  bool WaitForConfirmed(size_t count, absl::Duration timeout = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    const auto enough = [this, count] { return confirmed_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), timeout);
  }
  int goodbyes() {
    MutexLock lock(&mutex_);
    return goodbyes_;
  }
  v1::Goodbye last_goodbye() {
    MutexLock lock(&mutex_);
    return last_goodbye_;
  }
  size_t records_before_goodbye() {
    MutexLock lock(&mutex_);
    return records_before_goodbye_;
  }
  bool WaitForHeartbeats(int count, absl::Duration timeout = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    const auto enough = [this, count] { return heartbeats_ >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), timeout);
  }
  bool WaitForGoodbye(absl::Duration timeout = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    const auto said = [this] { return goodbyes_ > 0; };
    return mutex_.AwaitWithTimeout(absl::Condition(&said), timeout);
  }
  int largest_batch() {
    MutexLock lock(&mutex_);
    return largest_batch_;
  }
  bool WaitForRecords(size_t count, absl::Duration timeout = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    const auto enough = [this, count] { return received_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), timeout);
  }
  bool WaitForHellos(size_t count, absl::Duration timeout = absl::Seconds(20)) {
    MutexLock lock(&mutex_);
    const auto enough = [this, count] { return hellos_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), timeout);
  }

 private:
  const std::string address_;
  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  std::map<std::string, uint64_t> acknowledged_;
  std::vector<v1::Record> received_;
  std::vector<v1::Incarnation> confirmed_;
  std::vector<v1::Hello> hellos_;
  int largest_batch_ = 0;
  int heartbeats_ = 0;
  int goodbyes_ = 0;
  v1::Goodbye last_goodbye_;
  size_t records_before_goodbye_ = 0;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_FAKE_COLLECTOR_H_
