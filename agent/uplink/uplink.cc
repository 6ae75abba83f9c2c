#include "agent/uplink/uplink.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/uplink/stream_sender.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"
#include "core/wire/text.h"

namespace hoptrail::agent::uplink {
namespace {

constexpr absl::Duration kSpoolWithin = absl::Seconds(10);
constexpr absl::Duration kFlushWithin = absl::Seconds(1);

}  // namespace

Uplink::Uplink(Options options)
    : options_(std::move(options)),
      source_(options_.host, options_.spool),
      identity_(options_.host, options_.spool),
      host_name_(options_.host_name) {
  thread_ = std::thread([this] { Run(); });
}

Uplink::~Uplink() {
  stop_.Notify();
  options_.spool->Wake();
  if (!done_.WaitForNotificationWithTimeout(StreamSender::kStopGrace)) {
    MutexLock lock(&mutex_);
    if (current_ != nullptr) current_->Cancel();
  }
  thread_.join();
}

void Uplink::SetGoodbye(const model::Goodbye& goodbye) {
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
    LogFailure(status);
    if (assumed_) stop_.WaitForNotification();
    if (!status.ok()) stop_.WaitForNotificationWithTimeout(back_off_.Next());
  }
  done_.Notify();
}

v1::Hello Uplink::HelloFor(const model::HostId& host, spool::SpoolReader::Range spooled) {
  v1::Hello hello;
  hello.set_host(wire::ResourceName(host));
  hello.set_agent_version(options_.agent_version);
  hello.set_first_spooled_sequence(spooled.first);
  hello.set_last_spooled_sequence(spooled.last);
  hello.set_backlog(host != options_.host);
  if (host == options_.host) {
    wire::SetRun({options_.spool->first_of_run(), options_.previous_end}, &hello);
  }
  const model::Incarnation durable = identity_.durable();
  if (host == options_.host && !durable.empty()) {
    *hello.mutable_incarnation() = wire::ToProto(durable);
  }
  MutexLock lock(&mutex_);
  hello.set_host_name(wire::CleanText(host_name_, wire::kMaxNameBytes));
  return hello;
}

absl::Status Uplink::Serve() {
  HT_RETURN_IF_ERROR(source_.Refresh());
  HT_ASSIGN_OR_RETURN(const model::HostId host, source_.ChooseHost());
  HT_ASSIGN_OR_RETURN(const spool::SpoolReader::Range spooled, source_.Spooled(host));
  spool::Spool* const spool = options_.spool;
  Connection::Handlers handlers;
  handlers.on_acknowledged = [spool, host](uint64_t sequence) {
    spool->Acknowledge(host, sequence);
    spool->Wake();
  };
  handlers.on_provenance = options_.on_provenance;
  handlers.on_end_request = options_.on_end_request;
  handlers.on_incarnation = [this, host](const model::Incarnation& incarnation) {
    identity_.OnIncarnation(host, incarnation);
  };
  handlers.on_end = [spool] { spool->Wake(); };
  HT_ASSIGN_OR_RETURN(auto connection, Connection::Create(options_.collector, std::move(handlers)));
  {
    MutexLock lock(&mutex_);
    if (stopping()) return absl::OkStatus();
    current_ = connection.get();
  }
  identity_.OnStreamStart();
  // The highest number of an earlier boot is not known here: the wire's limit takes its place.
  const bool present = host == options_.host;
  const absl::StatusOr<Connection::Welcome> welcomed = connection->Start(
      HelloFor(host, spooled), present ? spool->last_sequence() : wire::kMaxCount);
  absl::Status status = welcomed.status();
  if (welcomed.ok()) {
    status = ServeWelcomed(host, *welcomed, *connection);
  } else if (!present && status.code() == absl::StatusCode::kPermissionDenied) {
    source_.SkipHost(host);
  }
  MutexLock lock(&mutex_);
  current_ = nullptr;
  return status;
}

absl::Status Uplink::ServeWelcomed(const model::HostId& host, const Connection::Welcome& welcome,
                                   Connection& connection) {
  spool::Spool* const spool = options_.spool;
  const bool present = host == options_.host;
  absl::Status status;
  if (welcome.assumed_host.has_value()) {
    status = Yield(host, welcome);
  } else if (present && !spool->OnWelcome(welcome.acknowledged, kSpoolWithin)) {
    status = absl::DeadlineExceededError("the spool does not answer");
  }
  if (!status.ok() || assumed_) {
    connection.Finish().IgnoreError();
    return status;
  }
  spool->Acknowledge(host, welcome.acknowledged);
  if (!welcome.incarnation.empty()) identity_.OnIncarnation(host, welcome.incarnation);
  LogInfo("uplink", "connected to ", options_.collector.address(), "; it has everything up to ",
          welcome.acknowledged, ", ", spool->spooled(), " records wait");
  last_failure_.clear();
  if (present && options_.on_connected) {
    options_.on_connected(welcome.acknowledged, welcome.acknowledged < acknowledged_);
  }
  StreamSender sender({.host = host,
                       .present = present,
                       .spool = spool,
                       .source = &source_,
                       .identity = &identity_,
                       .back_off = &back_off_,
                       .stop = &stop_,
                       .heartbeat_every = options_.heartbeat_every},
                      &connection);
  connected_ = true;
  const absl::StatusOr<bool> done = sender.Run(welcome.acknowledged);
  connected_ = false;
  if (const auto goodbye = GoodbyeFor(present); done.ok() && *done && goodbye.has_value()) {
    connection.WriteGoodbye(wire::ToProto(*goodbye));
  }
  const absl::Status end = connection.Finish();
  if (present) acknowledged_ = connection.acknowledged();
  // The acknowledged records must be removed before the next host is chosen.
  if (!present) spool->Flush(kFlushWithin);
  return !done.ok() ? done.status() : *done ? absl::OkStatus() : end;
}

absl::Status Uplink::Yield(const model::HostId& host, const Connection::Welcome& welcome) {
  const model::HostId& assumed = *welcome.assumed_host;
  if (assumed.machine != host.machine || assumed.boot.empty() || assumed.boot == host.boot) {
    return absl::InvalidArgumentError(
        "the collector broke the protocol: it gave a host to assume that is none of this "
        "machine's");
  }
  const std::string other = absl::StrCat("another agent speaks for ", model::ToString(host));
  if (host != options_.host) {
    // This disk was copied from a machine that still runs in that boot.
    if (!options_.spool->GiveUp(host, welcome.acknowledged, kSpoolWithin)) {
      return absl::DeadlineExceededError("the spool does not answer");
    }
    source_.SkipHost(host);
    return absl::AlreadyExistsError(absl::StrCat(other, ": its records here are given up"));
  }
  if (!options_.on_assumed) return absl::AlreadyExistsError(other);
  if (!options_.spool->Assume(assumed, welcome.acknowledged, kSpoolWithin)) {
    return absl::DeadlineExceededError("the spool does not answer");
  }
  assumed_ = true;
  LogWarning("uplink", other,
             ": a clone, a reverted snapshot, or a stolen certificate; goes on as ",
             model::ToString(assumed));
  options_.on_assumed(assumed);
  return absl::OkStatus();
}

void Uplink::LogFailure(const absl::Status& status) {
  if (status.ok()) return;
  // The certificates are checked only when the text is a new one.
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
