#include "agent/worker/agent.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "agent/decode/decoder.h"
#include "agent/host/host_facts.h"
#include "agent/host/version.h"
#include "agent/kernel/snapshot/snapshot.h"
#include "agent/stop/stop_request.h"
#include "agent/worker/readiness.h"
#include "core/base/kernel_release.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/model/names.h"

namespace hoptrail::agent {
namespace {

constexpr uint64_t kHealthEveryTicks = 10;
constexpr absl::Duration kHeartbeatOccupied = absl::Seconds(1);
constexpr absl::Duration kHeartbeatIdle = absl::Seconds(5);
// In a flood the rings are never empty; what ended us is long read by then.
constexpr absl::Duration kDrainWithin = absl::Seconds(1);
constexpr uint64_t kStalledAfterNs = 5'000'000'000;
// A snapshot walks every process; a host that loses records all the time is no help with more.
constexpr uint64_t kSnapshotEveryTicks = 10;

// Whether the loader's forks are among what the agent sees.
bool SeesTheLoader(const Settings& settings, const std::vector<model::SourceCoverage>& coverage) {
  if (!settings.network_namespace.empty() && settings.network_namespace != "self") return false;
  return std::any_of(coverage.begin(), coverage.end(), [](const model::SourceCoverage& source) {
    return source.source == "fork" && !source.hook.empty();
  });
}

// What no path is made without, and no hook serves.
std::string BlindFor(const std::vector<model::SourceCoverage>& coverage) {
  std::vector<std::string> blind;
  for (const model::SourceCoverage& source : coverage) {
    const bool needed =
        source.source == "fork" || source.source == "exec" || source.source == "tcp" || source.source == "accept";
    if (needed && source.hook.empty()) blind.push_back(source.source);
  }
  return absl::StrJoin(blind, ", ");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const Settings& settings, Given given) {
  HT_ASSIGN_OR_RETURN(Wakeups wakeups, Wakeups::Create());
  const std::string last_end = given.last_end;
  const std::string weakened = given.weakened;
  std::unique_ptr<Agent> agent(new Agent(settings, std::move(given), std::move(wakeups)));
  HT_RETURN_IF_ERROR(agent->wakeups_.Watch(agent->reader_->poll_fd()));
  HT_RETURN_IF_ERROR(agent->wakeups_.WatchSupervisor(agent->supervisor_.fd()));
  HT_ASSIGN_OR_RETURN(agent->spool_,
                      spool::Spool::Open({.path = settings.state_directory + "/spool.db",
                                          .host = agent->host_,
                                          .max_bytes = settings.spool_bytes,
                                          .degradations = &agent->degradations_}));
  // Before the snapshot ends sessions that were open when it happened.
  agent->TellLastEnd(last_end);
  if (!weakened.empty()) {
    agent->TellInterference(
        model::InterferenceKind::kWeakened,
        absl::StrCat("a configuration was taken up by which less is seen or reported: ", weakened));
  }
  agent->LogCoverage();
  agent->TellCoverage();
  agent->OpenPipeline();
  agent->OpenUplink();
  agent->Snapshot();
  agent->TellHealth();
  if (agent->sees_loader_) agent->heartbeat_.ExpectFrom(agent->clock_.BootNs());
  agent->WriteHealthFile();
  HT_RETURN_IF_ERROR(agent->supervisor_.Send(privilege::MessageKind::kReady, 0));
  LogInfo("agent", "watching ", agent->host_name_.name(), " (", model::ToString(agent->host_), ")");
  return agent;
}

Agent::Agent(const Settings& settings, Given given, Wakeups wakeups)
    : settings_(settings),
      host_(given.host),
      host_name_(settings.host_name),
      started_wall_ns_(clock_.WallNs()),
      wakeups_(std::move(wakeups)),
      coverage_(std::move(given.coverage)),
      supervisor_(std::move(given.supervisor)),
      loader_(std::move(given.loader)),
      supervisor_tgid_(given.supervisor_tgid),
      marker_(settings.state_directory, given.host.boot),
      health_file_(std::move(given.health_file)),
      service_manager_(std::move(given.service_manager)),
      sees_loader_(SeesTheLoader(settings, coverage_)),
      reader_(std::move(given.reader)) {}

Agent::~Agent() {
  // Against the flow's direction: first who produces, last who keeps.
  reader_.reset();
  pipeline_.reset();
  if (spool_ != nullptr) spool_->Flush(absl::Seconds(2));
  uplink_.reset();
  spool_.reset();
}

void Agent::OpenPipeline() {
  Pipeline::Options options;
  options.host = host_;
  options.clock = &clock_;
  options.watched_ports = settings_.watched_ports;
  options.rules = settings_.rules;
  options.saved = spool_->TakeSavedState();
  restored_ = !options.saved.sessions.empty() || !options.saved.open_hops.empty();
  options.store = spool_.get();
  options.user_resolver = loader_.Accounts();
  options.has_timer = [timers = std::make_shared<UnitTimers>(loader_.Timers())](
                          const std::string& unit) { return timers->Has(unit); };
  options.unit = OwnServiceUnit();
  if (InHostPidNamespace()) options.supervisor_tgid = supervisor_tgid_;
  options.sink = [this](model::Fact fact) {
    if (const auto* detection = std::get_if<model::Detection>(&fact)) TellDetection(*detection);
    spool_->Add(std::move(fact));
  };
  pipeline_ = std::make_unique<Pipeline>(std::move(options));
}

void Agent::OpenUplink() {
  uplink::Uplink::Options options;
  options.collector = settings_.collector;
  options.host = host_;
  options.host_name = host_name_.name();
  options.agent_version = kVersion;
  options.spool = spool_.get();
  options.on_provenance = [this](model::Provenance provenance) {
    // Losing one costs words in a detection: the collector says it again when it changes.
    if (!provenance_.TryPush(std::move(provenance))) {
      spool_->losses().Add("queue", "provenance", 1, clock_.WallNs());
    }
    wakeups_.Notify();
  };
  options.on_connected = [this](uint64_t acknowledged, bool lost) {
    // What the last run of the agent told is not told again by this one, but where nothing is left
    // of it.
    if (!lost && (acknowledged != 0 || !restored_)) return;
    repeat_ = true;
    wakeups_.Notify();
  };
  options.on_assumed = [this](const model::HostId& host) {
    {
      MutexLock lock(&mutex_);
      assumed_ = host;
    }
    wakeups_.Notify();
  };
  options.heartbeat_every = [this] { return HeartbeatEvery(); };
  uplink_ = std::make_unique<uplink::Uplink>(std::move(options));
}

void Agent::TellCoverage() { spool_->Add(model::Coverage{host_, KernelRelease(), coverage_}); }

void Agent::LogCoverage() const {
  LogInfo("agent", "hook plan on kernel ", KernelRelease(), ":");
  for (const model::SourceCoverage& source : coverage_) {
    const std::string refusals =
        source.refusals.empty() ? ""
                              : absl::StrCat("; refused: ", absl::StrJoin(source.refusals, "; "));
    const std::string misses =
        source.misses.empty() ? ""
                            : absl::StrCat("; does not see: ", absl::StrJoin(source.misses, "; "));
    if (source.hook.empty()) {
      LogWarning("agent", "  ", source.source, ": BLIND", refusals);
    } else {
      LogInfo("agent", "  ", source.source, ": ", source.hook, " (tier ", source.tier, ")", misses,
              refusals);
    }
  }
}

// The host's own log says it as well, and how long it took to be known.
void Agent::TellDetection(const model::Detection& detection) const {
  const double late_ms = static_cast<double>(clock_.WallNs() - detection.wall_ns) / 1e6;
  LogInfo("agent", "detection ", model::ToString(detection.id), ": ", detection.rule, ", ",
          model::ToString(detection.severity), ", known after ", absl::StrFormat("%.3f", late_ms),
          " ms: ", detection.summary);
}

void Agent::TellInterference(model::InterferenceKind kind, const std::string& detail) {
  LogWarning("agent", detail);
  spool_->Add(model::Interference{host_, kind, detail, clock_.WallNs()});
}

void Agent::TellLastEnd(const std::string& last_end) {
  const absl::StatusOr<bool> cut_short = marker_.Begin();
  if (!cut_short.ok()) LogWarning("agent", "no mark of this run: ", cut_short.status().message());
  if (!last_end.empty()) {
    TellInterference(model::InterferenceKind::kEnded, absl::StrCat("the worker ", last_end));
  } else if (cut_short.ok() && *cut_short) {
    TellInterference(model::InterferenceKind::kEnded,
                     "the agent's last run ended without having been asked to");
  }
}

absl::Duration Agent::HeartbeatEvery() const {
  // Signs of life of the thread that counts, not of the one that gives them.
  if (clock_.BootNs() - round_boot_ns_ > kStalledAfterNs) return absl::InfiniteDuration();
  return occupied_ ? kHeartbeatOccupied : kHeartbeatIdle;
}

void Agent::TellHealth() {
  health_told_boot_ns_ = clock_.BootNs();
  model::AgentHealth health;
  // Before they are taken: one that begins meanwhile is told by the next report.
  degradations_told_ = degradations_.changes();
  health.degradations = degradations_.Current();
  health.host = host_;
  health.host_name = host_name_.name();
  health.agent_version = kVersion;
  health.started_wall_ns = started_wall_ns_;
  health.wall_ns = clock_.WallNs();
  health.events = pipeline_->counts().events;
  health.lost = Lost();
  health.spooled = spool_->spooled();
  health.resident_bytes = ResidentBytes();
  health.addresses = InterfaceAddresses();
  spool_->Add(std::move(health));
}

// Each second, from the thread that counts: a probe finds out when it stands still.
void Agent::WriteHealthFile() {
  ReadinessFacts facts;
  facts.blind_for = BlindFor(coverage_);
  facts.self_test = sees_loader_;
  facts.heartbeat_boot_ns = heartbeat_.last_seen_boot_ns();
  facts.now_boot_ns = clock_.BootNs();
  facts.collector_reached = uplink_->connected();
  for (const model::Degradation& one : degradations_.Current()) {
    if (one.kind == model::DegradationKind::kStateUnwritable) facts.spool_trouble = one.detail;
  }
  const Readiness readiness = Judge(facts);
  const absl::Status written = health_file_.Write(
      {host_.boot, facts.now_boot_ns, readiness.ready ? HealthState::kReady : HealthState::kLive,
       readiness.detail});
  if (!written.ok() && !health_file_failed_) LogWarning("agent", written.message());
  health_file_failed_ = !written.ok();
  service_manager_.KeepAlive(facts.now_boot_ns);
}

void Agent::Handle(const void* data, size_t size) {
  const absl::StatusOr<decode::Event> event = decode::Decode(data, size);
  if (!event.ok()) {
    // The two sides of one build disagree: a fault of ours, told like any other loss.
    spool_->losses().Add("decode", "", 1, clock_.WallNs());
    LogWarning("agent", "left out a record of the kernel side: ", event.status().message());
    return;
  }
  if (read_.size() <= event->header.type) read_.resize(event->header.type + 1);
  Read& read = read_[event->header.type];
  ++read.records;
  read.bytes += size;
  if (const auto* lost = std::get_if<decode::Lost>(&event->body)) kernel_lost_ += lost->count;
  heartbeat_.Handle(*event);
  pipeline_->Handle(*event);
}

// For whoever compares it with what really happened.
void Agent::TellRead() const {
  std::vector<std::string> counts, bytes;
  for (uint32_t type = 0; type < read_.size(); ++type) {
    if (read_[type].records == 0) continue;
    const std::string name = absl::StrCat(decode::TypeName(type), " ");
    counts.push_back(absl::StrCat(name, read_[type].records));
    bytes.push_back(absl::StrCat(name, read_[type].bytes));
  }
  LogInfo("agent", "read in all: ", absl::StrJoin(counts, ", "));
  LogInfo("agent", "bytes in all: ", absl::StrJoin(bytes, ", "));
  std::map<std::string, uint64_t> lost;  // of every CPU
  for (const kernel::LossCount& loss : reader_->ReadLosses()) {
    lost[absl::StrCat(loss.where, loss.type.empty() ? "" : " ", loss.type)] += loss.count;
  }
  LogInfo("agent", "lost in all: ", absl::StrJoin(lost, ", ", absl::PairFormatter(" ")));
}

void Agent::Snapshot() {
  lost_at_snapshot_ = kernel_lost_;
  snapshot_tick_ = ticks_;
  const absl::Status status =
      kernel::TakeSnapshot([this](kernel::Walk walk) { return loader_.OpenIterator(walk); },
                           [this](const void* data, size_t size) { Handle(data, size); });
  if (!status.ok()) LogWarning("agent", "the snapshot is incomplete: ", status.message());
}

void Agent::TakeProvenance() {
  std::vector<model::Provenance> all;
  provenance_.PopAll(absl::ZeroDuration(), &all);
  for (const model::Provenance& provenance : all) pipeline_->Handle(provenance);
}

// The supervisor answers by replacing this worker.
void Agent::SayAssumed() {
  std::optional<model::HostId> assumed;
  {
    MutexLock lock(&mutex_);
    assumed = std::exchange(assumed_, std::nullopt);
  }
  if (!assumed.has_value()) return;
  const absl::Status said =
      supervisor_.Send(privilege::MessageKind::kAssume, 0, 0, model::ToString(*assumed));
  if (!said.ok()) LogWarning("agent", "cannot go on as another host: ", said.message());
}

void Agent::Tick() {
  ++ticks_;
  pipeline_->Tick();
  const bool occupied = pipeline_->counts().logins > 0;
  if (occupied_.exchange(occupied) != occupied) spool_->Wake();  // signs of life are due otherwise
  FindDegradations();
  const std::string name_before = host_name_.name();
  if (host_name_.Refresh()) {
    LogInfo("agent", "the host is called ", host_name_.name(), " from now on, not ", name_before);
    uplink_->SetHostName(host_name_.name());
    TellHealth();
  } else if (ticks_ % kHealthEveryTicks == 0) {
    TellHealth();
  }
  WriteHealthFile();
  // What was lost may have been a fork or an exit: look at what is really there.
  if (kernel_lost_ > lost_at_snapshot_ && ticks_ - snapshot_tick_ >= kSnapshotEveryTicks) {
    LogWarning("agent", "the kernel side lost ", kernel_lost_ - lost_at_snapshot_,
               " records; taking a fresh snapshot");
    Snapshot();
  }
}

absl::Status Agent::HearSupervisor() {
  HT_ASSIGN_OR_RETURN(privilege::Message word, supervisor_.Receive(absl::ZeroDuration()));
  if (word.kind == privilege::MessageKind::kInterference) {
    TellInterference(model::InterferenceKind::kStopped, word.text);
  } else if (word.kind == privilege::MessageKind::kStop) {
    stop_ = std::move(word);
  }
  return absl::OkStatus();
}

absl::Status Agent::Loop() {
  while (!stop_.has_value()) {
    round_boot_ns_ = clock_.BootNs();
    HT_ASSIGN_OR_RETURN(const Wakeups::Reasons reasons, wakeups_.Wait(reader_->UntilDue()));
    HT_RETURN_IF_ERROR(reader_
                           ->Poll(absl::ZeroDuration(),
                                  [this](const void* data, size_t size) { Handle(data, size); })
                           .status());
    if (reasons.notified) {
      TakeProvenance();
      RepeatIfLost();
      SayAssumed();
    }
    if (reasons.tick) Tick();
    if (reasons.notified || reasons.tick) TellDegradations();
    if (reasons.told) HT_RETURN_IF_ERROR(HearSupervisor());
  }
  return absl::OkStatus();
}

void Agent::SayGoodbye(const privilege::Message& word) {
  const StopSignal signal = FromNumbers({.number = word.number, .serial = word.serial});
  model::Goodbye goodbye{model::StopCause::kReplacement, "", {}};
  if (signal.number != 0) goodbye = pipeline_->OnStop(signal);
  LogInfo("agent", "asked to stop",
          goodbye.cause == model::StopCause::kReplacement      ? " for another worker"
          : goodbye.cause == model::StopCause::kServiceManager ? " by its service manager"
                                                               : "",
          goodbye.detail.empty() ? "" : absl::StrCat(": ", goodbye.detail));
  uplink_->SayGoodbye(goodbye);
}

// In this order: what the rings hold may be the signal that ends us, and what it was sent by; all
// of it is judged and queued before the collector is told that nothing more will come.
void Agent::Finish() {
  const absl::Status drained =
      reader_->Drain(kDrainWithin, [this](const void* data, size_t size) { Handle(data, size); });
  if (!drained.ok()) LogWarning("agent", "not all of the rings was read: ", drained.message());
  pipeline_->Finish();
  if (stop_.has_value() && stop_->text.empty()) {
    SayGoodbye(*stop_);
  } else if (stop_.has_value()) {
    TellInterference(model::InterferenceKind::kEnded, stop_->text);
  }
  TellRead();
  TellHealth();
  if (stop_.has_value()) marker_.End();  // what there was to tell of this end is told
}

absl::Status Agent::Run() {
  const absl::Status ended = Loop();
  Finish();
  return ended;
}

}  // namespace hoptrail::agent
