#include "agent/uplink/uplink.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/uplink/connection.h"
#include "agent/uplink/window.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/sensor.h"
#include "core/wire/text.h"

namespace hoptrail::agent::uplink {
namespace {

// A stream that took nothing and ended sooner counts as one more failure.
constexpr absl::Duration kSteadyAfter = absl::Seconds(5);
constexpr absl::Duration kStopGrace = absl::Seconds(1);
// Where the next sign of life is not known to be due; every other reason pokes the spool.
constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kTakenInWithin = absl::Seconds(10);
// So many failures to read the spool's file in a row, and it is gone on with without it.
constexpr int kUnreadableAfter = 3;

}  // namespace

Uplink::Uplink(Options options) : options_(std::move(options)), host_name_(options_.host_name) {
  const spool::Marks marks = options_.spool->marks().Get();
  if (marks.host == options_.host) durable_ = marks.incarnation;
  thread_ = std::thread([this] { Run(); });
}

Uplink::~Uplink() {
  stop_.Notify();
  options_.spool->Wake();
  if (!done_.WaitForNotificationWithTimeout(kStopGrace)) {
    MutexLock lock(&mutex_);
    if (current_ != nullptr) current_->Cancel();
  }
  thread_.join();
}

void Uplink::SayGoodbye(const model::Goodbye& goodbye) {
  MutexLock lock(&mutex_);
  goodbye_ = goodbye;
}

void Uplink::SetHostName(const std::string& name) {
  MutexLock lock(&mutex_);
  host_name_ = name;
}

std::optional<model::Goodbye> Uplink::GoodbyeFor(bool present) {
  if (!present) {
    return model::Goodbye{model::StopCause::kServiceManager, "ended with an earlier boot", {}};
  }
  MutexLock lock(&mutex_);
  return goodbye_;
}

void Uplink::Run() {
  pthread_setname_np(pthread_self(), "uplink");
  while (!stopping()) {
    const absl::Status status = Serve();
    if (stopping()) break;
    Report(status);
    if (assumed_) stop_.WaitForNotification();
    if (!status.ok()) stop_.WaitForNotificationWithTimeout(back_off_.Next());
  }
  done_.Notify();
}

absl::Status Uplink::RefreshReader() {
  const spool::Storage::Reading reading = options_.spool->reading();
  if (reader_generation_ == reading.generation && reader_.has_value()) return absl::OkStatus();
  reader_.reset();
  reader_generation_ = reading.generation;
  if (reading.access == spool::SpoolDatabase::Access::kNone) return absl::OkStatus();
  auto reader = spool::SpoolReader::Open(options_.spool->path(), reading.access);
  if (!reader.ok()) return ReaderFailed(reader.status());
  reader_.emplace(*std::move(reader));
  return absl::OkStatus();
}

absl::Status Uplink::ReaderFailed(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kDataLoss) {
    options_.spool->ReportDamage(reader_generation_);
  } else if (++reader_failures_ >= kUnreadableAfter) {
    options_.spool->ReportUnreadable(reader_generation_);
  }
  reader_.reset();
  return Annotate(status, "spool");
}

absl::StatusOr<model::HostId> Uplink::ChooseHost() {
  if (!reader_.has_value()) return options_.host;
  const absl::StatusOr<model::HostId> host = reader_->NextHost(options_.host);
  if (!host.ok()) return ReaderFailed(host.status());
  return refused_hosts_.contains(*host) ? options_.host : *host;
}

absl::StatusOr<spool::SpoolReader::Range> Uplink::Spooled(const model::HostId& host) {
  spool::SpoolReader::Range range;
  const spool::MemoryTail::View tail = options_.spool->memory().Look();
  if (reader_.has_value()) {
    const absl::StatusOr<spool::SpoolReader::Range> on_disk = reader_->Sequences(host);
    if (!on_disk.ok()) return ReaderFailed(on_disk.status());
    range = *on_disk;
  }
  if (host != options_.host || tail.first == 0) return range;
  if (range.first == 0) range.first = tail.first;
  range.last = std::max(range.last, options_.spool->memory().last_sequence());
  return range;
}

absl::StatusOr<v1::Batch> Uplink::NextBatch(const model::HostId& host, uint64_t after) {
  const spool::MemoryTail& memory = options_.spool->memory();
  // Before the look at the disk: what memory has then follows whatever is found there.
  const spool::MemoryTail::View tail = memory.Look();
  HT_RETURN_IF_ERROR(RefreshReader());
  if (reader_.has_value()) {
    absl::StatusOr<v1::Batch> batch = reader_->ReadAfter(host, after, wire::kMaxBatchBytes);
    if (!batch.ok()) return ReaderFailed(batch.status());
    reader_failures_ = 0;
    if (batch->records_size() > 0) return batch;
  }
  if (host != options_.host) return v1::Batch();
  return memory.ReadAfter(after, wire::kMaxBatchBytes, tail);
}

v1::Hello Uplink::HelloFor(const model::HostId& host, spool::SpoolReader::Range spooled) {
  v1::Hello hello;
  hello.set_host(wire::ResourceName(host));
  hello.set_agent_version(options_.agent_version);
  hello.set_first_spooled_sequence(spooled.first);
  hello.set_last_spooled_sequence(spooled.last);
  hello.set_backlog(host != options_.host);
  MutexLock lock(&mutex_);
  hello.set_host_name(wire::CleanText(host_name_, wire::kMaxNameBytes));
  if (host == options_.host && !durable_.empty()) {
    *hello.mutable_incarnation() = wire::ToProto(durable_);
  }
  return hello;
}

absl::Status Uplink::Serve() {
  HT_RETURN_IF_ERROR(RefreshReader());
  HT_ASSIGN_OR_RETURN(const model::HostId host, ChooseHost());
  HT_ASSIGN_OR_RETURN(const spool::SpoolReader::Range spooled, Spooled(host));
  spool::Spool* const spool = options_.spool;
  Connection::Handlers handlers;
  handlers.on_acknowledged = [spool, host](uint64_t sequence) {
    spool->Acknowledge(host, sequence);
    spool->Wake();
  };
  handlers.on_provenance = options_.on_provenance;
  handlers.on_asked = [this, host](const model::Incarnation& incarnation) {
    Remember(host, incarnation);
  };
  handlers.on_end = [spool] { spool->Wake(); };
  HT_ASSIGN_OR_RETURN(auto connection, Connection::Create(options_.collector, std::move(handlers)));
  {
    MutexLock lock(&mutex_);
    if (stopping()) return absl::OkStatus();
    current_ = connection.get();
    answer_.reset();
  }
  // An earlier boot's highest number is not known here; what bounds a signed number will do.
  const bool present = host == options_.host;
  const absl::StatusOr<Connection::Welcome> welcomed = connection->Start(
      HelloFor(host, spooled), present ? spool->last_sequence() : wire::kMaxCount);
  absl::Status status = welcomed.status();
  if (welcomed.ok()) {
    status = ServeWelcomed(host, *welcomed, *connection);
  } else if (!present && status.code() == absl::StatusCode::kPermissionDenied) {
    refused_hosts_.insert(host);
  }
  MutexLock lock(&mutex_);
  current_ = nullptr;
  return status;
}

absl::Status Uplink::ServeWelcomed(const model::HostId& host, const Connection::Welcome& welcome,
                                   Connection& connection) {
  spool::Spool* const spool = options_.spool;
  const bool present = host == options_.host;
  absl::Status trouble;
  if (welcome.assumed_host.has_value()) {
    trouble = Yield(host, welcome);
  } else if (present && !spool->Welcome(welcome.acknowledged, kTakenInWithin)) {
    trouble = absl::DeadlineExceededError("the spool does not answer");
  }
  if (!trouble.ok() || assumed_) {
    connection.Finish().IgnoreError();
    return trouble;
  }
  spool->Acknowledge(host, welcome.acknowledged);
  if (!welcome.incarnation.empty()) Remember(host, welcome.incarnation);
  LogInfo("uplink", "connected to ", options_.collector.address(), "; it has everything up to ",
          welcome.acknowledged, ", ", spool->spooled(), " records wait");
  last_failure_.clear();
  if (present && options_.on_connected) {
    options_.on_connected(welcome.acknowledged, welcome.acknowledged < acknowledged_);
  }
  connected_ = true;
  const absl::StatusOr<bool> done = SendAll(host, welcome.acknowledged, connection);
  connected_ = false;
  if (const auto goodbye = GoodbyeFor(present); done.ok() && *done && goodbye.has_value()) {
    connection.WriteGoodbye(wire::ToProto(*goodbye));
  }
  const absl::Status end = connection.Finish();
  if (present) acknowledged_ = connection.acknowledged();
  // What was acknowledged must have left before the next host is chosen.
  if (!present) spool->Flush(kTick);
  return !done.ok() ? done.status() : *done ? absl::OkStatus() : end;
}

absl::Status Uplink::Yield(const model::HostId& host, const Connection::Welcome& welcome) {
  const model::HostId& assumed = *welcome.assumed_host;
  if (assumed.machine != host.machine || assumed.boot.empty() || assumed.boot == host.boot) {
    return absl::InvalidArgumentError(
        "the collector sent what it must not: a host to assume that is none of this machine's");
  }
  const std::string other = absl::StrCat("another agent speaks for ", model::ToString(host));
  if (host != options_.host) {
    // An earlier boot of this machine's disk, which runs elsewhere.
    if (!options_.spool->GiveUp(host, welcome.acknowledged, kTakenInWithin)) {
      return absl::DeadlineExceededError("the spool does not answer");
    }
    refused_hosts_.insert(host);
    return absl::AlreadyExistsError(absl::StrCat(other, ": its records here are given up"));
  }
  if (!options_.on_assumed) return absl::AlreadyExistsError(other);
  if (!options_.spool->Assume(assumed, welcome.acknowledged, kTakenInWithin)) {
    return absl::DeadlineExceededError("the spool does not answer");
  }
  assumed_ = true;
  LogWarning("uplink", other,
             ": a clone, a reverted snapshot, or a stolen certificate; goes on as ",
             model::ToString(assumed));
  options_.on_assumed(assumed);
  return absl::OkStatus();
}

void Uplink::Remember(const model::HostId& host, const model::Incarnation& incarnation) {
  {
    MutexLock lock(&mutex_);
    answer_ = model::Incarnation();  // of an earlier boot nothing is remembered
    if (host == options_.host) {
      // What is asked may overtake what the stream was greeted with: numbers only grow.
      if (incarnation.counter > durable_.counter && Save(incarnation).ok()) durable_ = incarnation;
      answer_ = durable_;
    }
  }
  options_.spool->Wake();
}

absl::Status Uplink::Save(const model::Incarnation& incarnation) {
  const auto write = [this](const model::Incarnation& value) {
    return options_.spool->marks().Update([&](spool::Marks& marks) {
      if (marks.host == options_.host) marks.incarnation = value;
    });
  };
  const absl::Status status = write(incarnation);
  // It is not to be found by the next run after all.
  if (!status.ok()) write(durable_).IgnoreError();
  return status;
}

bool Uplink::Answer(Connection& connection) {
  std::optional<model::Incarnation> answer;
  {
    MutexLock lock(&mutex_);
    answer = std::exchange(answer_, std::nullopt);
  }
  return !answer.has_value() || connection.WriteIncarnation(*answer);
}

absl::StatusOr<bool> Uplink::SendAll(const model::HostId& host, uint64_t after,
                                     Connection& connection) {
  Window window;
  window.Start(after);
  const SteadyTime steady_from = SteadyTime::Now() + kSteadyAfter;
  SteadyTime stop_by = SteadyTime::InfiniteFuture();
  SteadyTime last_write = SteadyTime::Now();
  for (uint64_t mark = 0; !connection.ended();) {
    // Taken before the look, so that what changes after it wakes the wait below.
    mark = options_.spool->WaitForChange(0, absl::ZeroDuration());
    if (!Answer(connection)) return false;
    if (stopping()) stop_by = std::min(stop_by, SteadyTime::Now() + kStopGrace);
    const uint64_t acknowledged = connection.acknowledged();
    if (acknowledged > after || SteadyTime::Now() >= steady_from) back_off_.Reset();
    window.Acknowledged(acknowledged);
    bool sent = false;
    if (window.HasRoom()) {
      HT_ASSIGN_OR_RETURN(v1::Batch batch, NextBatch(host, window.last_sent()));
      if (batch.records_size() > 0) {
        const uint64_t last = batch.records(batch.records_size() - 1).sequence();
        window.Sent(last, batch.records_size(), batch.ByteSizeLong());
        if (!connection.Write(std::move(batch), last)) return false;
        last_write = SteadyTime::Now();
        sent = true;
      }
    }
    if (sent) continue;
    if (window.empty() && (stopping() || host != options_.host)) return true;
    if (SteadyTime::Now() >= stop_by) return true;
    absl::Duration until_heartbeat = UntilHeartbeat(last_write);
    if (until_heartbeat <= absl::ZeroDuration()) {
      if (!connection.WriteHeartbeat()) return false;
      last_write = SteadyTime::Now();
      until_heartbeat = UntilHeartbeat(last_write);
    }
    options_.spool->WaitForChange(mark, stopping() ? kStopGrace / 20 : until_heartbeat);
  }
  if (SteadyTime::Now() >= steady_from) back_off_.Reset();
  return false;
}

absl::Duration Uplink::UntilHeartbeat(SteadyTime last_write) const {
  if (!options_.heartbeat_every) return absl::InfiniteDuration();
  const absl::Duration every = options_.heartbeat_every();
  // None for now: whether that is over is not told.
  return every == absl::InfiniteDuration() ? kTick : last_write + every - SteadyTime::Now();
}

void Uplink::Report(const absl::Status& status) {
  if (status.ok()) return;
  // Addresses and ports of a single attempt would make every text a new one, so the certificates'
  // doubt is looked for only when the text is.
  const std::string failure =
      absl::StrCat(absl::StatusCodeToString(status.code()), ": ", std::string(status.message()));
  if (failure == last_failure_) return;
  last_failure_ = failure;
  const std::string doubt = options_.collector.has_tls()
                                ? config::CertificateDoubt(options_.collector.tls())
                                : std::string();
  LogWarning("uplink", "no stream to ", options_.collector.address(), ": ", failure,
             doubt.empty() ? "" : "; note: ", doubt);
}

}  // namespace hoptrail::agent::uplink
