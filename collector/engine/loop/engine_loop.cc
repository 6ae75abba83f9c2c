#include "collector/engine/loop/engine_loop.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::engine {
namespace {

// A transaction ends after so many facts, so that acknowledgements do not wait for a whole backlog.
constexpr size_t kFactsPerTransaction = 20'000;
constexpr int64_t kTickNs = 1'000'000'000;
constexpr int64_t kRetentionNs = 60'000'000'000;
constexpr int64_t kRetentionAgainNs = 1'000'000'000;  // while there is more to remove
// The first page of an incident waits at least this long, for the reports of other hosts about the
// same step (docs/decisions/0013).
constexpr int64_t kPageSettlesNs = 1'000'000'000;
constexpr absl::Duration kRoundWait = absl::Milliseconds(200);
constexpr absl::Duration kStoreRetry = absl::Seconds(1);

}  // namespace

EngineLoop::EngineLoop(Engine* engine, store::Store* store, bus::FactBus* bus,
                       const Options& options)
    : bus_(bus),
      state_{.engine = engine, .store = store, .options = options},
      requests_(store, bus),
      store_log_("store", options.clock) {}

EngineLoop::~EngineLoop() { Stop(); }

absl::Status EngineLoop::Restore() {
  HT_ASSIGN_OR_RETURN(std::vector<store::HostRow> hosts, state_.store->LoadHosts());
  HT_ASSIGN_OR_RETURN(store::Snapshot snapshot, state_.store->LoadSnapshot());
  hosts_.Restore(hosts);
  LogInfo("ingest", "restored ", hosts.size(), " hosts, ", snapshot.sessions.size(), " sessions, ",
          snapshot.hops.size(), " hops, ", snapshot.incidents.size(), " incidents");
  StoredState stored;
  for (const store::HostRow& row : hosts) {
    stored.host_names.emplace_back(row.host, row.host_name);
    // Of a machine's boots the newest one comes last.
    if (row.agent_started_wall_ns != 0) {
      stored.agent_starts.emplace_back(row.host, row.agent_started_wall_ns);
    }
    if (!row.addresses.empty()) stored.addresses.emplace_back(row.host, row.addresses);
  }
  for (const store::AddressRow& row : snapshot.addresses) {
    stored.address_history.push_back({row.host, row.address, row.first_wall_ns, row.last_wall_ns});
  }
  stored.sessions = std::move(snapshot.sessions);
  stored.hops = std::move(snapshot.hops);
  stored.detections = std::move(snapshot.detections);
  stored.incidents = std::move(snapshot.incidents);
  hosts_.ReportPresence();
  state_.engine->Restore(std::move(stored));
  return absl::OkStatus();
}

void EngineLoop::Start() {
  alive_boot_ns_ = state_.BootNow();
  thread_ = std::thread([this] { Run(); });
}

void EngineLoop::Stop() {
  stopping_ = true;
  requests_.Close();
  bus_->Close();
  if (thread_.joinable()) thread_.join();
  for (auto& [host, entry] : hosts_.all()) {
    const absl::Status stops = absl::UnavailableError("the collector stops");
    if (entry.sink != nullptr) entry.sink->End(stops);
    if (entry.newcomer.has_value()) entry.newcomer->sink->End(stops);
    entry.sink = nullptr;
    entry.newcomer.reset();
  }
}

void EngineLoop::Run() {
  while (Round(kRoundWait)) {
  }
}

bool EngineLoop::Round(absl::Duration wait) {
  std::vector<bus::AgentMessage> messages;
  throttle_.ReadOn(state_.BootNow());
  if (state_.engine->unfinished()) wait = absl::ZeroDuration();
  const bool more = bus_->Take(wait, &messages);
  for (bus::AgentMessage& message : messages) {
    std::visit([this](auto& m) { On(m); }, message);
    if (state_.transaction.facts >= kFactsPerTransaction) Commit();
  }
  if (state_.engine->unfinished()) state_.engine->Continue(&state_.transaction.outcome);
  for (Request& request : requests_.TakeAll()) {
    std::visit([this](auto& r) { Answer(r); }, request);
  }
  const int64_t now = state_.BootNow();
  const bool tick = now >= next_tick_boot_ns_;
  if (tick) {
    next_tick_boot_ns_ = now + kTickNs;
    Tick();
  }
  Commit();
  if (tick) ReleasePages();  // after Commit, so that pages show all facts of this round
  if (now >= next_retention_boot_ns_) ApplyRetention(now);
  alive_boot_ns_ = state_.BootNow();
  return more;
}

void EngineLoop::On(bus::FactBatch& message) {
  HostEntry& entry = hosts_.Get(message.host);
  // A replaced stream's successor sends the facts again.
  if (entry.sink != message.sink || RefusesSequences(message, entry)) {
    message.sink->OnConsumed();
    return;
  }
  hosts_.NoteMessage(message.host, &entry);
  returns_.OnRecords(message, &entry);
  // Facts that were applied before are skipped, but acknowledged again.
  size_t first = 0;
  while (first < message.sequences.size() && message.sequences[first] <= entry.applied_sequence) {
    ++first;
  }
  const absl::Span<const model::Fact> fresh(message.facts.data() + first,
                                            message.facts.size() - first);
  const int64_t now = state_.BootNow();
  const ClaimThrottle::Verdict verdict =
      throttle_.Charge(*state_.engine, message.host.machine, fresh, now);
  if (verdict.wait_ns == 0) {
    message.sink->OnConsumed();
  } else {
    throttle_.Hold(message.sink, now + verdict.wait_ns);
  }
  if (!fresh.empty()) {
    state_.engine->Apply(fresh, &state_.transaction.outcome);
    for (const model::Fact& fact : fresh) KeepFact(fact, message.host);
    state_.transaction.facts += fresh.size();
    entry.applied_sequence = message.sequences.back();
    state_.transaction.batch.hosts[message.host].acknowledged_sequence = entry.applied_sequence;
    state_.backlog.Applied(message.host, entry.applied_sequence);
  }
  state_.transaction.acknowledge[message.host] = entry.applied_sequence;
  if (verdict.wait_ns != 0) {
    state_.engine->NoteFlood(verdict.session, verdict.kind, &state_.transaction.outcome);
  }
}

bool EngineLoop::RefusesSequences(const bus::FactBatch& message, const HostEntry& entry) {
  const uint64_t highest = entry.sequences.Highest(state_.BootNow());
  if (message.sequences.empty() || message.sequences.back() <= highest) return false;
  message.sink->End(absl::OutOfRangeError(
      absl::StrCat("record ", message.sequences.back(), " of ", wire::ResourceName(message.host),
                   ": the collector has its records up to ", entry.applied_sequence,
                   " and accepts numbers up to ", highest, " at present")));
  refusals_.Note({message.host, RefusalReason::kSequence, 1});
  return true;
}

// Facts for which the engine has no state go to the store as they are.
void EngineLoop::KeepFact(const model::Fact& fact, const model::HostId& host) {
  store::WriteBatch& batch = state_.transaction.batch;
  if (const auto* edge = std::get_if<model::EdgeCount>(&fact)) {
    batch.edges.push_back(*edge);
  } else if (const auto* attempt = std::get_if<model::LoginAttempt>(&fact)) {
    batch.login_attempts.push_back(*attempt);
  } else if (const auto* loss = std::get_if<model::Loss>(&fact)) {
    batch.losses.push_back(*loss);
  } else if (const auto* coverage = std::get_if<model::Coverage>(&fact)) {
    batch.hosts[host].coverage = *coverage;
  } else if (const auto* health = std::get_if<model::AgentHealth>(&fact)) {
    batch.hosts[host].health = *health;
    hosts_.UpdateHostName(host, hosts_.Find(host));
  }
}

void EngineLoop::On(bus::AgentStopping& message) {
  message.sink->OnConsumed();
  const HostEntry& entry = hosts_.Get(message.host);
  if (entry.sink != message.sink) return;  // a newer stream speaks for the agent
  LogInfo("ingest", "agent of ", entry.host_name, " (", model::ToString(message.host),
          ") says goodbye", message.goodbye.detail.empty() ? "" : ": ", message.goodbye.detail);
  state_.engine->NoteTrouble(message.host, message.goodbye, &state_.transaction.outcome);
}

void EngineLoop::On(bus::StreamClosed& message) {
  HostEntry* const entry = hosts_.Find(message.host);
  if (entry == nullptr) return;
  identity_.ForgetNewcomer(message.sink.get(), entry);
  if (entry->sink != message.sink) return;
  hosts_.NoteDisconnected(message.host, entry);
  identity_.OpenNewcomer(entry);
}

void EngineLoop::Answer(SetIncidentStateRequest& request) {
  absl::StatusOr<model::Incident> answer = state_.engine->SetIncidentState(
      request.incident, request.state, request.who, &state_.transaction.outcome);
  state_.transaction.after_commit.push_back(
      [done = std::move(request.done), answer = std::move(answer)] { done(answer); });
}

void EngineLoop::Answer(RemoveHostRequest& request) {
  const absl::Status status = hosts_.Remove(request.host, request.who);
  state_.transaction.after_commit.push_back(
      [done = std::move(request.done), status] { done(status); });
}

void EngineLoop::Answer(ReconfigureRequest& request) {
  state_.options.silent_after_ns = request.silent_after_ns;
  state_.options.heartbeat_timeout_ns = request.heartbeat_timeout_ns;
  state_.store->SetRetention(request.retention);
  state_.store->SetNotify(request.notify);
  state_.engine->SetRetention(request.engine_retention_ns);
  state_.engine->SetTranslations(std::move(request.translations));
  state_.engine->SetRules(request.rules, request.minimum_severity, &state_.transaction.outcome);
}

void EngineLoop::Answer(PathRequest& request) {
  // After the commit, so that the store has all sessions of the path.
  state_.transaction.after_commit.push_back(
      [this, session = request.session, done = std::move(request.done)] {
        done(state_.engine->PathOf(session));
      });
}

void EngineLoop::Tick() {
  if (state_.store->trouble()) (void)state_.store->CheckWritable(state_.WallNow());
  hosts_.ReportPresence();
  state_.engine->Tick(&state_.transaction.outcome);
  heartbeats_.FindMissedHeartbeats();
  identity_.EvaluateHolders();
  identity_.EvaluateClones();
  returns_.Evaluate();
  refusals_.Show();
  heartbeats_.MarkSilentHosts();
  throttle_.Age(state_.BootNow());
}

void EngineLoop::ReleasePages() {
  if (!state_.store->HoldsPages()) return;
  const bool behind = state_.backlog.Any(state_.BootNow());
  const absl::Status status =
      state_.store->ReleasePages({.wall_ns = state_.WallNow(), .boot_ns = state_.BootNow()},
                                 behind ? Backlog::kMaxWaitNs : kPageSettlesNs);
  if (!status.ok()) LogError("store", "pages wait longer: ", status.ToString());
}

void EngineLoop::ApplyRetention(int64_t now_boot_ns) {
  absl::StatusOr<int64_t> removed = state_.store->ApplyRetention(state_.WallNow());
  if (!removed.ok()) LogError("store", "retention: ", removed.status().ToString());
  hosts_.ForgetOld();
  state_.engine->ForgetAddresses(state_.WallNow() - state_.store->max_age_ns());
  const bool again = removed.ok() && *removed > 0;
  next_retention_boot_ns_ = now_boot_ns + (again ? kRetentionAgainNs : kRetentionNs);
}

bool EngineLoop::Write() {
  const store::WriteBatch& batch = state_.transaction.batch;
  if (batch.empty()) return true;
  while (true) {
    absl::Status status = state_.store->Write(batch, state_.WallNow());
    store_log_.Note(status.ok() ? status
                                : Annotate(status,
                                           "cannot be written, tried again each second;"
                                           " nothing is acknowledged until then"));
    if (status.ok()) return true;
    if (stopping_) return false;
    requests_.AnswerPathsFor(kStoreRetry, [this](const model::SessionId& session) {
      return state_.engine->PathOf(session);
    });
  }
}

void EngineLoop::Commit() {
  Transaction& transaction = state_.transaction;
  refusals_.NoteAll(transaction.outcome.refusals);
  transaction.MoveOutcomeToBatch();
  if (Write()) {
    for (const auto& [host, sequence] : transaction.acknowledge) {
      if (const auto& sink = hosts_.Get(host).sink) bus_->Acknowledge(sink, sequence);
    }
    for (const auto& [host, provenance] : transaction.outcome.provenance) {
      const HostEntry* entry = hosts_.Find(host);
      if (entry != nullptr && entry->sink != nullptr) entry->sink->SendProvenance(provenance);
    }
    for (const EndRequest& request : transaction.outcome.end_requests) {
      const model::BootId* boot = hosts_.NewestBootOf(request.machine);
      const HostEntry* entry = boot == nullptr ? nullptr : hosts_.Find({request.machine, *boot});
      if (entry != nullptr && entry->sink != nullptr) entry->sink->SendEndRequest(request.hop_key);
    }
    for (const auto& action : transaction.after_commit) action();
  }
  // The agents still have the facts of a transaction that was not written.
  transaction = {};
}

bool EngineLoop::Alive(absl::Duration limit) const {
  return state_.BootNow() - alive_boot_ns_ < absl::ToInt64Nanoseconds(limit);
}

}  // namespace hoptrail::collector::engine
