#include "collector/ingest/agent_stream.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include <grpcpp/impl/codegen/proto_utils.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/limits.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"

namespace hoptrail::collector::ingest {
namespace {

// Bounds what waits for a peer that does not read; further provenance is dropped.
constexpr size_t kMaxWaitingRequests = 256;
constexpr size_t kMaxWaitingProvenance = 10'000;

}  // namespace

AgentStream::AgentStream(rpc::Peer peer, std::string address, bus::FactBus* bus)
    : peer_(std::move(peer)), address_(std::move(address)), bus_(bus) {}

AgentStream* AgentStream::Begin(rpc::Peer peer, std::string address, bus::FactBus* bus) {
  std::shared_ptr<AgentStream> stream(new AgentStream(std::move(peer), std::move(address), bus));
  stream->self_ = stream;
  if (!stream->peer_.agent) {
    stream->End(rpc::RequireAgentOf(stream->peer_, model::HostId()));
  } else {
    MutexLock lock(&stream->mutex_);
    stream->Read();
  }
  return stream.get();
}

void AgentStream::Read() {
  if (!finished_ && !ending_) StartRead(&incoming_);
}

void AgentStream::OnReadDone(bool ok) {
  if (!ok) {
    End(absl::OkStatus());  // the agent closed its side, or the call is over
    return;
  }
  last_message_boot_ns_ = static_cast<int64_t>(Clock::System().BootNs());
  if (absl::Status status = TakeMessage(); !status.ok()) End(status);
}

absl::Status AgentStream::TakeMessage() {
  if (incoming_.Length() > wire::kMaxMessageBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a message of ", incoming_.Length(),
                                                     " bytes: at most ", wire::kMaxMessageBytes,
                                                     " are accepted"));
  }
  v1::AgentMessage message;
  if (!grpc::SerializationTraits<v1::AgentMessage>::Deserialize(&incoming_, &message).ok()) {
    return absl::InvalidArgumentError("the bytes are no AgentMessage");
  }
  if (message.has_hello() != !greeted_) {
    return absl::InvalidArgumentError(greeted_ ? "a second Hello"
                                               : "the first message is no Hello");
  }
  if (message.has_hello()) return TakeHello(message.hello());
  if (message.has_batch()) return TakeBatch(message.batch());
  if (message.has_goodbye()) return TakeGoodbye(message.goodbye());
  if (message.has_incarnation()) return TakeIncarnation(message.incarnation());
  if (message.has_heartbeat()) {
    MutexLock lock(&mutex_);
    Read();  // a heartbeat is not for the engine
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("a message without contents");
}

absl::Status AgentStream::TakeHello(const v1::Hello& hello) {
  HT_ASSIGN_OR_RETURN(host_, wire::ParseHostName(hello.host()));
  HT_RETURN_IF_ERROR(rpc::RequireAgentOf(peer_, host_));
  if (hello.host_name().size() > wire::kMaxNameBytes) {
    return absl::InvalidArgumentError("hello.host_name: too long");
  }
  HT_ASSIGN_OR_RETURN(const model::Incarnation incarnation, wire::FromProto(hello.incarnation()));
  HT_ASSIGN_OR_RETURN(const model::AgentRun run, wire::RunOf(hello));
  greeted_ = true;
  waiting_ = true;
  const std::string& name = peer_.host_name.empty() ? hello.host_name() : peer_.host_name;
  if (!bus_->Publish(bus::StreamOpened{
          host_, name, shared_from_this(), hello.last_spooled_sequence(), incarnation,
          hello.backlog(), rpc::AddressOf(address_), hello.first_spooled_sequence(), run})) {
    return absl::UnavailableError("the collector is busy");
  }
  return absl::OkStatus();
}

absl::Status AgentStream::TakeIncarnation(const v1::Incarnation& confirmed) {
  HT_ASSIGN_OR_RETURN(const model::Incarnation incarnation, wire::FromProto(confirmed));
  waiting_ = true;
  if (!bus_->Publish(bus::IncarnationConfirmed{host_, shared_from_this(), incarnation})) {
    return absl::UnavailableError("the collector is busy");
  }
  return absl::OkStatus();
}

absl::Status AgentStream::TakeBatch(const v1::Batch& batch) {
  const auto count = static_cast<size_t>(batch.records_size());
  if (count > wire::kMaxBatchRecords) {
    return absl::ResourceExhaustedError(absl::StrCat("a batch of ", count, " records: at most ",
                                                     wire::kMaxBatchRecords, " are accepted"));
  }
  uint64_t acknowledged;
  {
    MutexLock lock(&mutex_);
    acknowledged = acknowledged_;
  }
  bus::FactBatch facts;
  facts.host = host_;
  facts.sink = shared_from_this();
  facts.sequences.reserve(count);
  facts.facts.reserve(count);
  for (const v1::Record& record : batch.records()) {
    // The agent may send a durable record again; that is no error.
    if (record.sequence() != 0 && record.sequence() <= acknowledged) continue;
    absl::StatusOr<model::Fact> fact = wire::FactFromProto(record);
    if (!fact.ok()) {
      return Annotate(fact.status(), absl::StrCat("record ", record.sequence()));
    }
    if (record.sequence() <= last_sequence_) {
      return absl::InvalidArgumentError(absl::StrCat("record ", record.sequence(), " follows ",
                                                     last_sequence_,
                                                     ": sequence numbers must grow"));
    }
    if (wire::HostOf(*fact) != host_) {
      return absl::PermissionDeniedError(absl::StrCat(
          "record ", record.sequence(), " speaks for ", wire::ResourceName(wire::HostOf(*fact)),
          ", the stream for ", wire::ResourceName(host_)));
    }
    if (auto* health = std::get_if<model::AgentHealth>(&*fact);
        health != nullptr && !peer_.host_name.empty()) {
      health->host_name = peer_.host_name;
    }
    last_sequence_ = record.sequence();
    facts.sequences.push_back(record.sequence());
    facts.facts.push_back(*std::move(fact));
  }
  waiting_ = true;
  if (!bus_->Publish(std::move(facts))) {
    return absl::UnavailableError("the collector is busy");
  }
  return absl::OkStatus();
}

absl::Status AgentStream::TakeGoodbye(const v1::Goodbye& message) {
  HT_ASSIGN_OR_RETURN(model::Goodbye goodbye, wire::FromProto(message));
  // An agent that replaces itself must come back; if it does not, it is silent.
  if (goodbye.cause != model::StopCause::kReplacement) said_goodbye_ = true;
  waiting_ = true;
  if (!bus_->Publish(bus::AgentStopping{host_, shared_from_this(), std::move(goodbye)})) {
    return absl::UnavailableError("the collector is busy");
  }
  return absl::OkStatus();
}

void AgentStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  WriteNext();
}

void AgentStream::WriteNext() {
  if (writing_ || finished_) return;
  v1::CollectorMessage message;
  if (ending_) {
    finished_ = true;
    Finish(rpc::ToGrpc(*ending_));
  } else if (greeting_) {
    const Greeting greeting = *std::exchange(greeting_, std::nullopt);
    v1::Welcome* const welcome = message.mutable_welcome();
    welcome->set_acknowledged_sequence(greeting.acknowledged);
    if (!greeting.incarnation.empty()) {
      *welcome->mutable_incarnation() = wire::ToProto(greeting.incarnation);
    }
    if (greeting.assumed_host) {
      welcome->set_assumed_host(wire::ResourceName(*greeting.assumed_host));
    }
    Write(message);
  } else if (ask_) {
    *message.mutable_incarnation() = wire::ToProto(*std::exchange(ask_, std::nullopt));
    Write(message);
  } else if (acknowledge_) {
    message.mutable_acknowledgement()->set_sequence(*std::exchange(acknowledge_, std::nullopt));
    Write(message);
  } else if (!provenance_.empty()) {
    auto first = provenance_.begin();
    *message.mutable_provenance() = wire::ToProto(first->second);
    provenance_.erase(first);
    Write(message);
  } else if (!end_requests_.empty()) {
    *message.mutable_end_request() = wire::EndRequestToProto(end_requests_.back());
    end_requests_.pop_back();
    Write(message);
  }
}

void AgentStream::Write(const v1::CollectorMessage& message) {
  bool own_buffer = true;
  outgoing_.Clear();  // Serialize writes a longer message only into an empty buffer
  grpc::Status status =
      grpc::SerializationTraits<v1::CollectorMessage>::Serialize(message, &outgoing_, &own_buffer);
  HT_CHECK(status.ok());
  writing_ = true;
  StartWrite(&outgoing_);
}

void AgentStream::OnAccepted(const Greeting& greeting) {
  MutexLock lock(&mutex_);
  acknowledged_ = std::max(acknowledged_, greeting.acknowledged);
  greeting_ = greeting;
  WriteNext();
}

void AgentStream::Ask(const model::Incarnation& incarnation) {
  MutexLock lock(&mutex_);
  ask_ = incarnation;
  WriteNext();
}

int64_t AgentStream::LastMessageBootNs() const {
  return waiting_ ? static_cast<int64_t>(Clock::System().BootNs()) : last_message_boot_ns_.load();
}

void AgentStream::OnConsumed() {
  waiting_ = false;
  MutexLock lock(&mutex_);
  Read();
}

void AgentStream::Acknowledge(uint64_t sequence) {
  MutexLock lock(&mutex_);
  acknowledged_ = std::max(acknowledged_, sequence);
  acknowledge_ = sequence;
  WriteNext();
}

void AgentStream::SendEndRequest(const model::HopKey& key) {
  MutexLock lock(&mutex_);
  if (finished_ || end_requests_.size() >= kMaxWaitingRequests) return;
  end_requests_.push_back(key);
  WriteNext();
}

void AgentStream::SendProvenance(const model::Provenance& provenance) {
  MutexLock lock(&mutex_);
  if (finished_ || provenance_.size() >= kMaxWaitingProvenance) return;
  provenance_[provenance.session] = provenance;
  WriteNext();
}

void AgentStream::End(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (ending_ || finished_) return;
  if (!status.ok()) {
    LogWarning("ingest", "stream from ", address_, " ended: ", status.ToString());
  }
  ending_ = status;
  WriteNext();
}

void AgentStream::OnCancel() { End(absl::CancelledError("the agent went away")); }

void AgentStream::OnDone() {
  {
    MutexLock lock(&mutex_);
    finished_ = true;
    provenance_.clear();
  }
  // Best effort: the engine forgets a silent stream as well.
  if (greeted_) bus_->Publish(bus::StreamClosed{host_, shared_from_this()});
  std::shared_ptr<AgentStream> self = std::move(self_);
}

}  // namespace hoptrail::collector::ingest
