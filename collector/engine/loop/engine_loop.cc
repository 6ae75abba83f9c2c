#include "collector/engine/loop/engine_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::engine {
namespace {

using store::HostChange;
using store::HostState;

// A transaction ends after so many facts, so that acknowledgements do not wait for a whole backlog.
constexpr size_t kFactsPerTransaction = 20'000;
constexpr int64_t kTickNs = 1'000'000'000;
constexpr int64_t kRetentionNs = 60'000'000'000;
constexpr int64_t kRetentionAgainNs = 1'000'000'000;  // while there is more to remove
constexpr size_t kMostSilent = 3;
constexpr size_t kMaxRequests = 10'000;
constexpr absl::Duration kStoreRetry = absl::Seconds(1);

}  // namespace

EngineLoop::EngineLoop(Engine* engine, store::Store* store, bus::FactBus* bus,
                       const Options& options)
    : engine_(engine),
      store_(store),
      bus_(bus),
      options_(options),
      requests_(kMaxRequests),
      store_log_("store", options.clock) {}

EngineLoop::~EngineLoop() { Stop(); }

absl::Status EngineLoop::Restore() {
  HT_ASSIGN_OR_RETURN(std::vector<store::HostRow> hosts, store_->LoadHosts());
  HT_ASSIGN_OR_RETURN(store::Snapshot snapshot, store_->LoadSnapshot());
  StoredState state;
  for (const store::HostRow& row : hosts) {
    RestoreHost(row);
    state.host_names.emplace_back(row.host, row.host_name);
  }
  for (const store::HostRow& row : hosts) {
    HostEntry& entry = hosts_.at(row.host);
    if (row.state == HostState::kConnected ||
        (row.state == HostState::kSilent && HasEnded(row.host, entry))) {
      entry.state = HostState::kDisconnected;  // streams do not survive the process
      batch_.hosts[row.host].state = entry.state;
    }
    if (!entry.listed || entry.state == HostState::kSilent || HasEnded(row.host, entry)) continue;
    backlog_.Expect(row.host, Backlog::kUnconnected,
                    static_cast<int64_t>(options_.clock->BootNs()) + options_.page_held_ns);
  }
  LogInfo("ingest", "restored ", hosts.size(), " hosts, ", snapshot.sessions.size(), " sessions, ",
          snapshot.hops.size(), " hops, ", snapshot.incidents.size(), " incidents");
  state.sessions = std::move(snapshot.sessions);
  state.hops = std::move(snapshot.hops);
  state.detections = std::move(snapshot.detections);
  state.incidents = std::move(snapshot.incidents);
  engine_->Restore(std::move(state));
  return absl::OkStatus();
}

void EngineLoop::Start() {
  alive_boot_ns_ = static_cast<int64_t>(options_.clock->BootNs());
  thread_ = std::thread([this] { Run(); });
}

void EngineLoop::Stop() {
  stopping_ = true;
  requests_.Close();
  bus_->Close();
  if (thread_.joinable()) thread_.join();
  for (auto& [host, entry] : hosts_) {
    const absl::Status stops = absl::UnavailableError("the collector stops");
    if (entry.sink != nullptr) entry.sink->End(stops);
    if (entry.newcomer.has_value()) entry.newcomer->sink->End(stops);
    entry.sink = nullptr;
    entry.newcomer.reset();
  }
}

void EngineLoop::Run() {
  while (Round(absl::Milliseconds(200))) {
  }
}

bool EngineLoop::Round(absl::Duration wait) {
  std::vector<bus::AgentMessage> messages;
  const bool more = bus_->Take(wait, &messages);
  for (bus::AgentMessage& message : messages) {
    std::visit([this](auto& m) { On(m); }, message);
    if (facts_ >= kFactsPerTransaction) Commit();
  }
  std::vector<Request> requests = std::move(put_off_);
  put_off_.clear();
  requests_.PopAll(absl::ZeroDuration(), &requests);
  for (Request& request : requests) {
    std::visit([this](auto& r) { Answer(r); }, request);
  }
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  const bool tick = now >= next_tick_boot_ns_;
  if (tick) {
    next_tick_boot_ns_ = now + kTickNs;
    Tick();
  }
  Commit();
  if (tick) ReleasePages();  // after what was heard has become part of the incidents
  if (now >= next_retention_boot_ns_) {
    absl::StatusOr<int64_t> removed = store_->ApplyRetention(options_.clock->WallNs());
    if (!removed.ok()) LogError("store", "retention: ", removed.status().ToString());
    ForgetHosts();
    next_retention_boot_ns_ =
        now + (removed.ok() && *removed > 0 ? kRetentionAgainNs : kRetentionNs);
  }
  alive_boot_ns_ = static_cast<int64_t>(options_.clock->BootNs());
  return more;
}

void EngineLoop::Heard(const model::HostId& host, HostEntry* entry) {
  entry->heard_boot_ns = static_cast<int64_t>(options_.clock->BootNs());
  HostChange& change = batch_.hosts[host];
  change.last_seen_wall_ns = options_.clock->WallNs();
  if (entry->state != HostState::kConnected) {
    entry->state = HostState::kConnected;
    change.state = entry->state;
  }
}

void EngineLoop::On(bus::FactBatch& message) {
  HostEntry& entry = hosts_[message.host];
  message.sink->OnConsumed();
  if (entry.sink != message.sink) return;  // replaced meanwhile: the new stream sends it again
  Heard(message.host, &entry);
  // What was applied before is skipped, and acknowledged again all the same.
  size_t first = 0;
  while (first < message.sequences.size() && message.sequences[first] <= entry.applied) ++first;
  if (first < message.sequences.size()) {
    const absl::Span<const model::Fact> fresh(message.facts.data() + first,
                                              message.facts.size() - first);
    engine_->Apply(fresh, &outcome_);
    for (const model::Fact& fact : fresh) KeepFact(fact, message.host);
    facts_ += fresh.size();
    entry.applied = message.sequences.back();
    batch_.hosts[message.host].acknowledged_sequence = entry.applied;
    backlog_.Applied(message.host, entry.applied);
  }
  acknowledge_[message.host] = entry.applied;
}

// What the engine has no state for goes to the store as it is.
void EngineLoop::KeepFact(const model::Fact& fact, const model::HostId& host) {
  if (const auto* edge = std::get_if<model::EdgeCount>(&fact)) {
    batch_.edges.push_back(*edge);
  } else if (const auto* attempt = std::get_if<model::LoginAttempt>(&fact)) {
    batch_.login_attempts.push_back(*attempt);
  } else if (const auto* loss = std::get_if<model::Loss>(&fact)) {
    batch_.losses.push_back(*loss);
  } else if (const auto* coverage = std::get_if<model::Coverage>(&fact)) {
    batch_.hosts[host].coverage = *coverage;
  } else if (const auto* health = std::get_if<model::AgentHealth>(&fact)) {
    HostChange& change = batch_.hosts[host];
    change.health = *health;
    HostEntry& entry = hosts_[host];
    if (!health->host_name.empty() && health->host_name != entry.host_name) {
      entry.host_name = health->host_name;
      change.host_name = entry.host_name;
    }
  }
}

void EngineLoop::On(bus::AgentStopping& message) {
  message.sink->OnConsumed();
  const HostEntry& entry = hosts_[message.host];
  if (entry.sink != message.sink) return;  // a newer stream speaks for the agent
  LogInfo("ingest", "agent of ", entry.host_name, " (", model::ToString(message.host),
          ") says goodbye", message.goodbye.detail.empty() ? "" : ": ", message.goodbye.detail);
  engine_->Apply(message.host, message.goodbye, &outcome_);
}

void EngineLoop::On(bus::StreamClosed& message) {
  auto it = hosts_.find(message.host);
  if (it == hosts_.end()) return;
  std::optional<bus::StreamOpened>& newcomer = it->second.newcomer;
  if (newcomer.has_value() && newcomer->sink == message.sink) newcomer.reset();
  if (it->second.sink != message.sink) return;
  it->second.sink = nullptr;
  NoteBothUp(message.host, &it->second, false);
  const int64_t heard = message.sink->HeardBootNs();
  const bool rebooted = it->second.followed_boot_ns != 0 && !OutlivedNext(it->second, heard);
  if (message.sink->SaidGoodbye() || rebooted) {
    backlog_.Forget(message.host);
  } else {
    it->second.broken_boot_ns = static_cast<int64_t>(options_.clock->BootNs());
    // No longer than until its silence is judged.
    backlog_.Expect(message.host, Backlog::kUnconnected,
                    it->second.broken_boot_ns + options_.heartbeat_timeout_ns);
  }
  it->second.state = HostState::kDisconnected;
  batch_.hosts[message.host].state = HostState::kDisconnected;
  LogInfo("ingest", "agent of ", it->second.host_name, " (", model::ToString(message.host),
          ") disconnected");
  if (!newcomer.has_value()) return;
  bus::StreamOpened next = *std::exchange(newcomer, std::nullopt);
  On(next);
}

void EngineLoop::Answer(SetIncidentStateRequest& request) {
  absl::StatusOr<model::Incident> answer =
      engine_->SetIncidentState(request.incident, request.state, request.who, &outcome_);
  after_commit_.push_back(
      [done = std::move(request.done), answer = std::move(answer)] { done(answer); });
}

void EngineLoop::Answer(ReconfigureRequest& request) {
  options_.silent_after_ns = request.silent_after_ns;
  options_.heartbeat_timeout_ns = request.heartbeat_timeout_ns;
  store_->SetRetention(request.retention);
  store_->SetNotify(request.notify);
  engine_->SetRetention(request.engine_retention_ns);
  engine_->SetRules(request.rules, request.minimum_severity, &outcome_);
}

void EngineLoop::Answer(PathRequest& request) {
  // Answered when everything the path is made of can be read from the store.
  after_commit_.push_back([this, session = request.session, done = std::move(request.done)] {
    done(engine_->PathOf(session));
  });
}

// Only of agents that this run of the collector has heard, and not while it was itself held up.
void EngineLoop::FindSilent() {
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  if (now - last_look_boot_ns_ > 3 * kTickNs) fair_from_boot_ns_ = now;
  last_look_boot_ns_ = now;
  std::vector<std::pair<model::HostId, HostEntry*>> silent;
  size_t known = 0;
  for (auto& [host, entry] : hosts_) {
    if (entry.sink == nullptr && entry.broken_boot_ns == 0) continue;
    ++known;
    const int64_t heard = entry.sink != nullptr ? entry.sink->HeardBootNs() : entry.broken_boot_ns;
    if (entry.followed_boot_ns != 0) {
      if (!OutlivedNext(entry, heard)) continue;  // it was switched off, and is up as another boot
      NoteBothUp(host, &entry, entry.sink != nullptr);
    }
    if (now - std::max(heard, fair_from_boot_ns_) < options_.heartbeat_timeout_ns) {
      entry.heartbeat_missed = false;
      entry.silence.reset();
    } else if (!entry.heartbeat_missed) {
      entry.heartbeat_missed = true;
      silent.emplace_back(host, &entry);
    }
  }
  // So many at once are one network's fault.
  const bool network = silent.size() > kMostSilent && silent.size() > known / 4;
  for (const auto& [host, entry] : silent) {
    LogWarning("ingest", entry->host_name, " gives no sign of life",
               network ? ", like many others at once" : "");
    if (network) continue;
    entry->silence = model::Interference{
        host, model::InterferenceKind::kSilent,
        absl::StrCat("nothing was heard from the agent for ",
                     options_.heartbeat_timeout_ns / kTickNs, " s, and it had not said goodbye",
                     entry->sink == nullptr ? "; its connection was broken" : ""),
        options_.clock->WallNs()};
    engine_->Apply(*entry->silence, &outcome_);
  }
}

void EngineLoop::ReleasePages() {
  if (!store_->HoldsPages()) return;
  const bool behind = backlog_.Any(static_cast<int64_t>(options_.clock->BootNs()));
  const absl::Status status = store_->ReleasePages(
      options_.clock->WallNs(), behind ? options_.page_held_ns : options_.page_settles_ns);
  if (!status.ok()) LogError("store", "pages wait longer: ", status.ToString());
}

void EngineLoop::Tick() {
  if (store_->trouble()) (void)store_->CheckWritable(options_.clock->WallNs());
  engine_->Tick(&outcome_);
  FindSilent();
  JudgeHolders();
  JudgeClones();
  const int64_t silent_before =
      static_cast<int64_t>(options_.clock->BootNs()) - options_.silent_after_ns;
  for (auto& [host, entry] : hosts_) {
    if (entry.state == HostState::kSilent || entry.heard_boot_ns >= silent_before) continue;
    if (!entry.listed || HasEnded(host, entry)) continue;
    entry.state = HostState::kSilent;
    batch_.hosts[host].state = entry.state;
    LogWarning("ingest", "nothing heard from ", entry.host_name, " (", model::ToString(host), ")");
  }
}

void EngineLoop::Commit() {
  for (const ClockOffset& offset : outcome_.clock_offsets) {
    batch_.hosts[offset.host].clock_offset_ns = offset.offset_ns;
  }
  batch_.sessions = std::move(outcome_.sessions);
  batch_.removed_hops = std::move(outcome_.removed_hops);
  batch_.hops = std::move(outcome_.hops);
  batch_.detections = std::move(outcome_.detections);
  batch_.incidents = std::move(outcome_.incidents);
  if (!batch_.empty()) {
    while (true) {
      absl::Status status = store_->Write(batch_, options_.clock->WallNs());
      store_log_.Note(status.ok() ? status
                                  : Annotate(status,
                                             "cannot be written, tried again each second;"
                                             " nothing is acknowledged until then"));
      if (status.ok()) break;
      if (stopping_) {
        // The agents still have it all. Nobody is told that it is durable.
        acknowledge_.clear();
        outcome_.provenance.clear();
        after_commit_.clear();
        break;
      }
      AnswerWhileUnwritable(kStoreRetry);
    }
  }
  for (const auto& [host, sequence] : acknowledge_) {
    if (const auto& sink = hosts_[host].sink) bus_->Acknowledge(sink, sequence);
  }
  for (const auto& [host, provenance] : outcome_.provenance) {
    auto it = hosts_.find(host);
    if (it != hosts_.end() && it->second.sink != nullptr)
      it->second.sink->SendProvenance(provenance);
  }
  for (const auto& action : after_commit_) action();
  outcome_ = {};
  batch_ = {};
  acknowledge_.clear();
  after_commit_.clear();
  facts_ = 0;
}

bool EngineLoop::Alive(absl::Duration limit) const {
  return static_cast<int64_t>(options_.clock->BootNs()) - alive_boot_ns_ <
         absl::ToInt64Nanoseconds(limit);
}

}  // namespace hoptrail::collector::engine
