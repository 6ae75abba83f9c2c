#include "agent/uplink/connection.h"

#include <pthread.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"

namespace hoptrail::agent::uplink {
namespace {

constexpr absl::Duration kWelcomeWithin = absl::Seconds(15);
constexpr absl::Duration kEndWithin = absl::Milliseconds(300);
constexpr size_t kMaxReasonBytes = 500;
// Half of all numbers: a collector that acknowledges more would leave too few to continue with.
constexpr uint64_t kMaxWelcomed = wire::kMaxCount / 2;

// Unanswered pings show a dead network path. Every timer of gRPC wakes one of its threads about
// once a second, however late it is due, so there are as few as possible: the channel is never
// idle, and the few messages that come back need no window that grows.
grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetMaxReceiveMessageSize(wire::kMaxMessageBytes);
  return arguments;
}

// As absl::Status, with the peer's text bounded.
absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::UnavailableError("the collector ended the stream");
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message().substr(0, kMaxReasonBytes));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Create(
    const v1::CollectorAddress& collector, Handlers handlers) {
  HT_ASSIGN_OR_RETURN(auto channel, config::OpenChannel(collector, Arguments()));
  return std::unique_ptr<Connection>(new Connection(std::move(channel), std::move(handlers)));
}

Connection::Connection(std::shared_ptr<grpc::Channel> channel, Handlers handlers)
    : handlers_(std::move(handlers)),
      channel_(std::move(channel)),
      stub_(v1::SensorService::NewStub(channel_)) {}

Connection::~Connection() { HT_CHECK(!thread_.joinable()); }

absl::StatusOr<Connection::Welcome> Connection::Start(const v1::Hello& hello,
                                                      uint64_t last_sequence) {
  {
    MutexLock lock(&mutex_);
    sent_ = last_sequence;
  }
  // Held back until Hello, so that Cancel() reaches a connection that is still being made.
  context_.set_initial_metadata_corked(true);
  stream_ = stub_->Connect(&context_);
  thread_ = std::thread([this] { Read(); });
  v1::AgentMessage message;
  *message.mutable_hello() = hello;
  if (stream_->Write(message)) {
    MutexLock lock(&mutex_);
    const bool answered = mutex_.AwaitWithTimeout(
        absl::Condition(this, &Connection::WelcomedOrEnded), kWelcomeWithin);
    if (!answered) {
      violation_ = absl::DeadlineExceededError(
          absl::StrCat("no Welcome within ", absl::FormatDuration(kWelcomeWithin)));
    }
    if (welcomed_ && !ended_) return welcome_;
  }
  return Finish();
}

bool Connection::Write(v1::Batch batch, uint64_t last_sequence) {
  {
    MutexLock lock(&mutex_);
    sent_ = std::max(sent_, last_sequence);
  }
  v1::AgentMessage message;
  *message.mutable_batch() = std::move(batch);
  return stream_->Write(message);
}

bool Connection::WriteHeartbeat() {
  v1::AgentMessage message;
  message.mutable_heartbeat();
  return stream_->Write(message);
}

bool Connection::WriteIncarnation(const model::Incarnation& durable) {
  v1::AgentMessage message;
  *message.mutable_incarnation() = wire::ToProto(durable);
  return stream_->Write(message);
}

bool Connection::WriteGoodbye(const v1::Goodbye& goodbye) {
  v1::AgentMessage message;
  *message.mutable_goodbye() = goodbye;
  return stream_->Write(message);
}

uint64_t Connection::acknowledged() const {
  MutexLock lock(&mutex_);
  return acknowledged_;
}

bool Connection::ended() const {
  MutexLock lock(&mutex_);
  return ended_;
}

void Connection::Cancel() { context_.TryCancel(); }

absl::Status Connection::Finish() {
  bool violated = false;
  {
    MutexLock lock(&mutex_);
    violated = !violation_.ok();
  }
  if (!violated && !ended()) {
    stream_->WritesDone();
    MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&ended_), kEndWithin);
  }
  if (!ended()) context_.TryCancel();
  thread_.join();
  const absl::Status status = FromGrpc(stream_->Finish());
  MutexLock lock(&mutex_);
  return violation_.ok() ? status : violation_;
}

void Connection::Read() {
  pthread_setname_np(pthread_self(), "uplink-read");
  v1::CollectorMessage message;
  while (stream_->Read(&message)) {
    const absl::Status status = Handle(message);
    if (status.ok()) continue;
    {
      MutexLock lock(&mutex_);
      violation_ = Annotate(status, "the collector broke the protocol");
    }
    context_.TryCancel();
    break;
  }
  {
    MutexLock lock(&mutex_);
    ended_ = true;
  }
  handlers_.on_end();
}

absl::Status Connection::Handle(const v1::CollectorMessage& message) {
  if (message.has_provenance()) {
    auto provenance = wire::FromProto(message.provenance());
    if (!provenance.ok()) return provenance.status();
    handlers_.on_provenance(*std::move(provenance));
    return absl::OkStatus();
  }
  if (message.has_end_request()) {
    HT_ASSIGN_OR_RETURN(const model::HopKey key, wire::FromProto(message.end_request()));
    handlers_.on_end_request(key);
    return absl::OkStatus();
  }
  if (message.has_incarnation()) {
    HT_ASSIGN_OR_RETURN(const auto incarnation, wire::FromProto(message.incarnation()));
    handlers_.on_incarnation(incarnation);
    return absl::OkStatus();
  }
  if (message.has_welcome()) return TakeWelcome(message.welcome());
  if (message.has_acknowledgement()) {
    return TakeAcknowledgement(message.acknowledgement().sequence());
  }
  return absl::OkStatus();  // a message of a newer version
}

absl::Status Connection::TakeWelcome(const v1::Welcome& in) {
  Welcome welcome;
  welcome.acknowledged = in.acknowledged_sequence();
  HT_ASSIGN_OR_RETURN(welcome.incarnation, wire::FromProto(in.incarnation()));
  if (!in.assumed_host().empty()) {
    HT_ASSIGN_OR_RETURN(welcome.assumed_host, wire::ParseHostName(in.assumed_host()));
  }
  MutexLock lock(&mutex_);
  if (welcomed_) return absl::InvalidArgumentError("Welcome twice");
  // A number above all of ours is another agent's, or of a state that we have lost: we continue
  // above it, as long as there are numbers left.
  if (welcome.acknowledged > std::max(sent_, kMaxWelcomed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("acknowledged ", welcome.acknowledged, ", which leaves no numbers"));
  }
  welcomed_ = true;
  welcome_ = welcome;
  acknowledged_ = welcome.acknowledged;
  return absl::OkStatus();
}

absl::Status Connection::TakeAcknowledgement(uint64_t sequence) {
  {
    MutexLock lock(&mutex_);
    if (!welcomed_) return absl::InvalidArgumentError("no Welcome first");
    // We would delete records that the collector cannot have.
    if (sequence > std::max(sent_, welcome_.acknowledged)) {
      return absl::InvalidArgumentError(
          absl::StrCat("acknowledged ", sequence, ", but only ", sent_, " was ever sent"));
    }
    acknowledged_ = std::max(acknowledged_, sequence);
  }
  handlers_.on_acknowledged(sequence);
  return absl::OkStatus();
}

}  // namespace hoptrail::agent::uplink
