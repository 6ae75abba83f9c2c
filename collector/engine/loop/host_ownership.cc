#include "collector/engine/loop/host_ownership.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/model/fact.h"
#include "core/model/unmonitored.h"
#include "core/wire/limits.h"

namespace hoptrail::collector::engine {
namespace {

using model::DegradationKind;

// A living agent answers at once.
constexpr int64_t kAnswerWithinNs = 3'000'000'000;
// An agent that sent something so long after the question lives, even if it does not answer.
constexpr int64_t kStillSendsNs = 1'000'000'000;
constexpr int64_t kSuspectedForNs = int64_t{24} * 3600 * 1'000'000'000;
constexpr DegradationKind kOneDayKinds[] = {DegradationKind::kRestartedWithoutHistory,
                                            DegradationKind::kHostNameChanged,
                                            DegradationKind::kHostNameShared};

absl::Status ReplacedByAnotherStream() {
  return absl::AbortedError("another stream was opened for the same host");
}

}  // namespace

void HostOwnership::Open(bus::StreamOpened& message) {
  if (model::UnmonitoredAddress(message.host).has_value()) {
    message.sink->End(absl::InvalidArgumentError(
        absl::StrCat("boot ", model::ToString(message.host.boot),
                     ": the collector uses this id for hosts without an agent")));
    message.sink->OnConsumed();
    return;
  }
  if (!hosts_->Knows(message.host) && !new_boots_.Take(message.host.machine, state_->BootNow())) {
    RefuseBoot(message);
    return;
  }
  HostEntry& entry = hosts_->Get(message.host);
  if (entry.sink != nullptr && entry.sink != message.sink) {
    AskHolder(message, &entry);
  } else if (IsSuperseded(message, entry)) {
    Divert(message, &entry, "it shows the state of an earlier moment");
  } else {
    Admit(message, &entry);
  }
}

// A certificate is for a machine, and whoever holds it may make up boot ids.
void HostOwnership::RefuseBoot(const bus::StreamOpened& message) {
  const std::string machine = model::ToString(message.host.machine);
  message.sink->End(absl::ResourceExhaustedError(
      absl::StrCat("machine ", machine, " has started too often: after ", kNewBootsAtOnce,
                   " boots, the collector accepts one more each minute; boot ",
                   model::ToString(message.host.boot), " may try again")));
  message.sink->OnConsumed();
  if (const model::BootId* newest = hosts_->NewestBootOf(message.host.machine)) {
    refusals_->Note({{message.host.machine, *newest}, RefusalReason::kNewBoot, 1});
  }
}

// Whether another agent has got a later incarnation than this agent shows. A counter above ours is
// no fault of the agent: our store may be an older one.
bool HostOwnership::IsSuperseded(const bus::StreamOpened& message, const HostEntry& entry) {
  const model::Incarnation& shown = message.incarnation;
  if (message.backlog || entry.confirmed.empty() || shown.empty()) return false;
  if (shown == entry.confirmed || shown == entry.offered) return false;
  return shown.counter <= entry.confirmed.counter;
}

model::Incarnation HostOwnership::Offer(const bus::StreamOpened& message, HostEntry* entry) {
  const uint64_t highest =
      std::max({message.incarnation.counter, entry->confirmed.counter, entry->offered.counter});
  entry->offered.counter = std::min(highest, wire::kMaxCount - 1) + 1;
  entry->offered.nonce = RandomNonce();
  return entry->offered;
}

model::Nonce HostOwnership::RandomNonce() {
  model::Nonce nonce;
  for (uint8_t& byte : nonce.bytes) byte = absl::Uniform<uint8_t>(random_);
  return nonce;
}

void HostOwnership::Admit(const bus::StreamOpened& message, HostEntry* entry) {
  const model::HostId& host = message.host;
  const model::Incarnation& shown = message.incarnation;
  Transaction& transaction = state_->transaction;
  returns_->OnAdmitted(message, entry);
  if (!message.backlog && shown.empty() && !entry->confirmed.empty()) {
    hosts_->AddDegradation(host, entry, DegradationKind::kRestartedWithoutHistory,
                           "its agent has lost what it had saved");
  } else if (!message.backlog && shown != entry->confirmed && !shown.empty()) {
    entry->confirmed = shown;
    transaction.batch.hosts[host].incarnation = shown;
  }
  entry->sink = message.sink;
  entry->sequences = hosts_->Knows(host)
                         ? SequenceBound(entry->applied_sequence, entry->last_message_boot_ns)
                         : SequenceBound::OfUnknownHost();
  state_->backlog.Expect(host, message.last_spooled_sequence,
                         state_->BootNow() + Backlog::kMaxWaitNs);
  state_->backlog.Applied(host, entry->applied_sequence);
  hosts_->NoteMessage(host, entry);
  state_->engine->SetHostName(host, message.host_name, &transaction.outcome);
  hosts_->UpdateHostName(host, entry);
  hosts_->NoteConnected(host, entry);
  if (message.address) state_->engine->SetStreamAddress(host, *message.address);
  LogInfo("ingest", "agent of ", entry->host_name, " (", model::ToString(host),
          ") connected, durable up to ", entry->applied_sequence);
  if (model::IsAssumed(host.boot)) {
    Suspect(host, entry,
            "this agent goes on as a boot of its own, since another agent speaks for the boot in "
            "which it runs");
  }
  const model::Incarnation offer = message.backlog ? model::Incarnation() : Offer(message, entry);
  transaction.after_commit.push_back([this, host, offer, sink = message.sink] {
    sink->OnAccepted({.acknowledged = hosts_->Get(host).applied_sequence, .incarnation = offer});
    for (const model::Provenance& provenance : state_->engine->ProvenanceOf(host)) {
      sink->SendProvenance(provenance);
    }
    sink->OnConsumed();
  });
}

// The agent that holds the host may have died unnoticed, with the newcomer as its successor, or the
// newcomer may be another agent with the same identity.
void HostOwnership::AskHolder(bus::StreamOpened& message, HostEntry* entry) {
  if (entry->newcomer.has_value()) {
    entry->newcomer->sink->End(ReplacedByAnotherStream());
  } else {
    entry->asked_boot_ns = state_->BootNow();
    entry->sink->Ask(Offer(message, entry));
  }
  entry->newcomer = std::move(message);
}

void HostOwnership::Confirm(const bus::IncarnationConfirmed& message) {
  message.sink->OnConsumed();
  HostEntry& entry = hosts_->Get(message.host);
  if (entry.sink != message.sink) return;  // that stream is over
  if (!entry.offered.empty() && message.incarnation == entry.offered) {
    entry.confirmed = entry.offered;
    state_->transaction.batch.hosts[message.host].incarnation = entry.confirmed;
  }
  if (!entry.newcomer.has_value()) return;
  Divert(*entry.newcomer, &entry, "the one that spoke for it before is there and answers");
  entry.newcomer.reset();
}

void HostOwnership::ForgetNewcomer(const bus::AgentSink* sink, HostEntry* entry) {
  if (entry->newcomer.has_value() && entry->newcomer->sink.get() == sink) entry->newcomer.reset();
}

void HostOwnership::OpenNewcomer(HostEntry* entry) {
  if (!entry->newcomer.has_value()) return;
  bus::StreamOpened newcomer = *std::exchange(entry->newcomer, std::nullopt);
  Open(newcomer);
}

void HostOwnership::EvaluateHolders() {
  const int64_t now = state_->BootNow();
  new_boots_.ForgetFull(now);
  for (auto& [host, entry] : hosts_->all()) {
    if (!entry.newcomer.has_value() || now - entry.asked_boot_ns < kAnswerWithinNs) continue;
    if (entry.sink != nullptr &&
        entry.sink->LastMessageBootNs() - entry.asked_boot_ns >= kStillSendsNs) {
      Divert(*std::exchange(entry.newcomer, std::nullopt), &entry,
             "the one that spoke for it before still sends messages");
      continue;
    }
    if (entry.sink != nullptr) {
      entry.sink->End(ReplacedByAnotherStream());
      if (!entry.sink->SaidGoodbye()) entry.broken_boot_ns = now;
    }
    entry.sink = nullptr;
    OpenNewcomer(&entry);
  }
}

// Neither agent blocks the other. The newcomer goes on as a boot of its own of the same machine, to
// which its certificate binds it.
void HostOwnership::Divert(const bus::StreamOpened& message, HostEntry* entry,
                           absl::string_view why) {
  const model::HostId assumed{message.host.machine,
                              model::AssumedBoot(message.host, RandomNonce())};
  Suspect(message.host, entry,
          absl::StrCat("a second agent speaks for this boot: ", why,
                       message.backlog
                           ? "; it has records of it left, which are refused"
                           : absl::StrCat("; it goes on as boot ", model::ToString(assumed.boot))));
  state_->transaction.after_commit.push_back([this, host = message.host, assumed,
                                              sink = message.sink] {
    sink->OnAccepted({.acknowledged = hosts_->Get(host).applied_sequence, .assumed_host = assumed});
    sink->OnConsumed();
  });
}

void HostOwnership::Suspect(const model::HostId& host, HostEntry* entry,
                            const std::string& detail) {
  entry->suspected_boot_ns = state_->BootNow();
  hosts_->AddDegradation(host, entry, DegradationKind::kCloneSuspected, detail);
  entry->clone =
      model::Interference{host, model::InterferenceKind::kCloned, detail, state_->WallNow()};
}

void HostOwnership::RemoveIfOld(const model::HostId& host, DegradationKind kind, HostEntry* entry) {
  for (const model::Degradation& each : entry->collector_degradations) {
    if (each.kind != kind || state_->WallNow() - each.since_wall_ns < kSuspectedForNs) continue;
    hosts_->RemoveDegradation(host, entry, kind, "");
    return;
  }
}

void HostOwnership::EvaluateClones() {
  const int64_t now = state_->BootNow();
  for (auto& [host, entry] : hosts_->all()) {
    if (entry.clone.has_value() && state_->engine->IsAnyoneLoggedIn(host)) {
      state_->engine->Apply(*std::exchange(entry.clone, std::nullopt),
                            &state_->transaction.outcome);
    }
    // A connected agent with an assumed boot stays suspected.
    const bool stays = model::IsAssumed(host.boot) && entry.sink != nullptr;
    if (entry.suspected_boot_ns != 0 && !stays &&
        now - entry.suspected_boot_ns >= kSuspectedForNs) {
      entry.suspected_boot_ns = 0;
      entry.clone.reset();
      hosts_->RemoveDegradation(host, &entry, DegradationKind::kCloneSuspected, "");
    }
    for (const DegradationKind kind : kOneDayKinds) {
      RemoveIfOld(host, kind, &entry);
    }
  }
}

}  // namespace hoptrail::collector::engine
