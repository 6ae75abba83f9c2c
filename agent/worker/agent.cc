#include "agent/worker/agent.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "agent/host/host_facts.h"
#include "agent/host/version.h"
#include "agent/worker/coverage.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/model/names.h"

namespace hoptrail::agent {
namespace {

// For the host's own log, with the time from the event to its detection.
void LogDetection(const model::Detection& detection, const Clock& clock) {
  const double late_ms = static_cast<double>(clock.WallNs() - detection.wall_ns) / 1e6;
  LogInfo("agent", "detection ", model::ToString(detection.id), ": ", detection.rule, ", ",
          model::ToString(detection.severity), ", known after ", absl::StrFormat("%.3f", late_ms),
          " ms: ", detection.summary);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const Settings& settings,
                                                    Dependencies dependencies) {
  HT_ASSIGN_OR_RETURN(Wakeups wakeups, Wakeups::Create());
  const std::string last_end = dependencies.last_end;
  const std::string weakened = dependencies.weakened;
  std::vector<model::SourceCoverage> coverage = dependencies.coverage;
  std::unique_ptr<Agent> agent(new Agent(settings, std::move(dependencies), std::move(wakeups)));
  HT_RETURN_IF_ERROR(agent->wakeups_.Watch(agent->reader_->poll_fd()));
  HT_RETURN_IF_ERROR(agent->wakeups_.WatchSupervisor(agent->supervisor_.fd()));
  HT_ASSIGN_OR_RETURN(agent->spool_,
                      spool::Spool::Open({.path = settings.state_directory + "/spool.db",
                                          .host = agent->host_,
                                          .max_bytes = settings.spool_bytes,
                                          .degradations = &agent->degradations_}));
  LogCoverage(coverage);
  agent->OpenReports(std::move(coverage));
  // Before the snapshot, which ends sessions that were open at that time.
  agent->ReportLastEnd(last_end);
  if (!weakened.empty()) {
    agent->reports_->ReportInterference(
        model::InterferenceKind::kWeakened,
        absl::StrCat("a configuration was loaded with which less is seen or reported: ", weakened));
  }
  agent->reports_->ReportCoverage();
  agent->OpenPipeline();
  agent->OpenUplink();
  agent->OpenLoop();
  agent->intake_->TakeSnapshot();
  agent->reports_->ReportHealth();
  if (agent->sees_loader_) agent->heartbeat_.ExpectFrom(agent->clock_.BootNs());
  agent->loop_->WriteLocalHealth();
  HT_RETURN_IF_ERROR(agent->supervisor_.Send(privilege::MessageKind::kReady, 0));
  LogInfo("agent", "watching ", agent->host_name_.name(), " (", model::ToString(agent->host_), ")");
  return agent;
}

Agent::Agent(const Settings& settings, Dependencies dependencies, Wakeups wakeups)
    : settings_(settings),
      host_(dependencies.host),
      host_name_(settings.host_name),
      wakeups_(std::move(wakeups)),
      supervisor_(std::move(dependencies.supervisor)),
      loader_(std::move(dependencies.loader)),
      supervisor_tgid_(dependencies.supervisor_tgid),
      marker_(settings.state_directory, dependencies.host.boot),
      sees_loader_(SeesTheLoader(settings, dependencies.coverage)),
      blind_sources_(BlindSources(dependencies.coverage)),
      local_health_(dependencies.host.boot, std::move(dependencies.health_file),
                    std::move(dependencies.service_manager)),
      reader_(std::move(dependencies.reader)) {}

Agent::~Agent() {
  // In the direction of the flow: a stage ends before the next one.
  loop_.reset();
  intake_.reset();
  reader_.reset();
  pipeline_.reset();
  if (spool_ != nullptr) spool_->Flush(absl::Seconds(2));
  uplink_.reset();
  reports_.reset();
  spool_.reset();
}

Pipeline::Counts Agent::counts() const {
  return pipeline_ != nullptr ? pipeline_->counts() : Pipeline::Counts();
}

void Agent::OpenReports(std::vector<model::SourceCoverage> coverage) {
  SelfReports::Options options;
  options.host = host_;
  options.coverage = std::move(coverage);
  options.clock = &clock_;
  options.host_name = &host_name_;
  options.spool = spool_.get();
  options.degradations = &degradations_;
  options.heartbeat = &heartbeat_;
  options.counts = [this] { return counts(); };
  options.silent_servers = [this] {
    return pipeline_ != nullptr ? pipeline_->silent_servers().programs() : std::set<std::string>();
  };
  reports_ = std::make_unique<SelfReports>(std::move(options));
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
  options.has_timer = [timers = std::make_shared<loader::UnitTimers>(loader_.Timers())](
                          const std::string& unit) { return timers->Has(unit); };
  options.unit = OwnServiceUnit();
  if (InHostPidNamespace()) options.supervisor_tgid = supervisor_tgid_;
  options.sink = [this](model::Fact fact) {
    if (const auto* detection = std::get_if<model::Detection>(&fact)) {
      LogDetection(*detection, clock_);
    }
    spool_->Add(std::move(fact));
  };
  pipeline_ = std::make_unique<Pipeline>(std::move(options));
  const EventIntake::Options intake{.clock = &clock_,
                                    .loader = &loader_,
                                    .losses = &spool_->losses(),
                                    .heartbeat = &heartbeat_,
                                    .pipeline = pipeline_.get()};
  intake_ = std::make_unique<EventIntake>(std::move(reader_), intake);
}

void Agent::OpenUplink() {
  uplink::Uplink::Options options;
  options.collector = settings_.collector;
  options.host = host_;
  options.host_name = host_name_.name();
  options.agent_version = kVersion;
  options.spool = spool_.get();
  options.previous_end = previous_end_;
  options.on_provenance = [this](model::Provenance provenance) {
    // A lost one costs words in a detection: the collector sends it again when it changes.
    if (inbox_.PutProvenance(std::move(provenance))) return;
    spool_->losses().Add("queue", "provenance", 1, clock_.WallNs());
  };
  options.on_end_request = [this](const model::HopKey& key) { inbox_.PutEndRequest(key); };
  options.on_connected = [this](uint64_t acknowledged, bool lost) {
    // This run does not report again what the last run reported, unless the collector has none of
    // it.
    if (lost || (acknowledged == 0 && restored_)) inbox_.PutStateLost();
  };
  options.on_assumed = [this](const model::HostId& host) { inbox_.PutAssumedHost(host); };
  options.heartbeat_every = [this] { return heartbeat_interval_.Get(); };
  uplink_ = std::make_unique<uplink::Uplink>(std::move(options));
}

void Agent::OpenLoop() {
  EventLoop::Options options;
  options.blind_sources = blind_sources_;
  options.sees_loader = sees_loader_;
  options.clock = &clock_;
  options.host_name = &host_name_;
  options.wakeups = &wakeups_;
  options.supervisor = &supervisor_;
  options.spool = spool_.get();
  options.degradations = &degradations_;
  options.heartbeat = &heartbeat_;
  options.heartbeat_interval = &heartbeat_interval_;
  options.inbox = &inbox_;
  options.local_health = &local_health_;
  options.reports = reports_.get();
  options.pipeline = pipeline_.get();
  options.intake = intake_.get();
  options.uplink = uplink_.get();
  loop_ = std::make_unique<EventLoop>(std::move(options));
}

void Agent::ReportLastEnd(const std::string& last_end) {
  const absl::StatusOr<model::PreviousEnd> previous = marker_.Begin();
  if (previous.ok()) {
    previous_end_ = *previous;
  } else {
    LogWarning("agent", "cannot mark this run: ", previous.status().message());
  }
  if (!last_end.empty()) {
    previous_end_ = model::PreviousEnd::kCutShort;
    reports_->ReportInterference(model::InterferenceKind::kEnded,
                                 absl::StrCat("the worker ", last_end));
  } else if (previous_end_ == model::PreviousEnd::kCutShort) {
    reports_->ReportInterference(model::InterferenceKind::kEnded,
                                 "the agent's last run ended without having been asked to");
  }
}

absl::Status Agent::Run() {
  const absl::Status ended = loop_->Run();
  // The next run has nothing to report about such an end.
  if (loop_->asked_to_stop()) marker_.End();
  return ended;
}

}  // namespace hoptrail::agent
