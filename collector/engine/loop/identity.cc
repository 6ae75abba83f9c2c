// The part of EngineLoop that finds out which of several agents speaks for a host, and keeps them
// apart: docs/decisions/0017.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/engine/loop/engine_loop.h"
#include "core/base/log.h"
#include "core/wire/limits.h"

namespace hoptrail::collector::engine {
namespace {

using model::DegradationKind;

// An agent that is there answers at once; one that was heard so long after the question is there
// too, whatever keeps it from answering.
constexpr int64_t kAnswerWithinNs = 3'000'000'000;
constexpr int64_t kStillHeardNs = 1'000'000'000;
constexpr int64_t kSuspectedForNs = int64_t{24} * 3600 * 1'000'000'000;
constexpr int64_t kHistoryMissedForNs = kSuspectedForNs;

}  // namespace

void EngineLoop::On(bus::StreamOpened& message) {
  HostEntry& entry = hosts_[message.host];
  if (entry.sink != nullptr && entry.sink != message.sink) {
    AskHolder(message, &entry);
  } else if (IsSuperseded(message, entry)) {
    Divert(message, &entry, "it shows the state of an earlier moment");
  } else {
    Admit(message, &entry);
  }
}

// Whether somebody else has been given what follows what this agent has. A higher number than ours
// is no fault of the agent's: our store may be an older one.
bool EngineLoop::IsSuperseded(const bus::StreamOpened& message, const HostEntry& entry) {
  const model::Incarnation& shown = message.incarnation;
  if (message.backlog || entry.confirmed.empty() || shown.empty()) return false;
  if (shown == entry.confirmed || shown == entry.offered) return false;
  return shown.counter <= entry.confirmed.counter;
}

model::Incarnation EngineLoop::Offer(const bus::StreamOpened& message, HostEntry* entry) {
  const uint64_t highest =
      std::max({message.incarnation.counter, entry->confirmed.counter, entry->offered.counter});
  entry->offered.counter = std::min(highest, wire::kMaxCount - 1) + 1;
  for (uint8_t& byte : entry->offered.nonce.bytes) byte = absl::Uniform<uint8_t>(random_);
  return entry->offered;
}

void EngineLoop::Admit(bus::StreamOpened& message, HostEntry* entry) {
  const model::HostId& host = message.host;
  const model::Incarnation& shown = message.incarnation;
  if (!message.backlog && shown.empty() && !entry->confirmed.empty()) {
    Degrade(host, entry, DegradationKind::kRestartedWithoutHistory,
            "its agent has lost what it had saved");
  } else if (!message.backlog && shown != entry->confirmed && !shown.empty()) {
    entry->confirmed = shown;
    batch_.hosts[host].incarnation = shown;
  }
  entry->sink = message.sink;
  backlog_.Expect(host, message.last_spooled_sequence,
                  static_cast<int64_t>(options_.clock->BootNs()) + options_.page_held_ns);
  backlog_.Applied(host, entry->applied);
  Heard(host, entry);
  if (!message.host_name.empty() && message.host_name != entry->host_name) {
    entry->host_name = message.host_name;
    batch_.hosts[host].host_name = entry->host_name;
    engine_->SetHostName(host, entry->host_name, &outcome_);
  }
  NoteConnected(host, entry);
  LogInfo("ingest", "agent of ", entry->host_name, " (", model::ToString(host),
          ") connected, durable up to ", entry->applied);
  if (model::IsAssumed(host.boot)) {
    Suspect(host, entry,
            "this agent was told to go on under a boot of its own, since another speaks for the "
            "boot in which it is");
  }
  const model::Incarnation offer = message.backlog ? model::Incarnation() : Offer(message, entry);
  after_commit_.push_back([this, host, offer, sink = message.sink] {
    sink->OnAccepted({.acknowledged = hosts_[host].applied, .incarnation = offer});
    for (const model::Provenance& provenance : engine_->ProvenanceOf(host))
      sink->SendProvenance(provenance);
    sink->OnConsumed();
  });
}

// The agent that has the stream may be gone without our having heard of it, and this one be its
// successor; or this is another that holds the same identity.
void EngineLoop::AskHolder(bus::StreamOpened& message, HostEntry* entry) {
  if (entry->newcomer.has_value()) {
    entry->newcomer->sink->End(absl::AbortedError("another stream was opened for the same host"));
  } else {
    entry->asked_boot_ns = static_cast<int64_t>(options_.clock->BootNs());
    entry->sink->Ask(Offer(message, entry));
  }
  entry->newcomer = std::move(message);
}

void EngineLoop::On(bus::IncarnationConfirmed& message) {
  message.sink->OnConsumed();
  HostEntry& entry = hosts_[message.host];
  if (entry.sink != message.sink) return;  // of a stream that is over
  if (!entry.offered.empty() && message.incarnation == entry.offered) {
    entry.confirmed = entry.offered;
    batch_.hosts[message.host].incarnation = entry.confirmed;
  }
  if (!entry.newcomer.has_value()) return;
  Divert(*entry.newcomer, &entry, "the one that spoke for it before is there and answers");
  entry.newcomer.reset();
}

void EngineLoop::JudgeHolders() {
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  for (auto& [host, entry] : hosts_) {
    if (!entry.newcomer.has_value() || now - entry.asked_boot_ns < kAnswerWithinNs) continue;
    bus::StreamOpened newcomer = *std::exchange(entry.newcomer, std::nullopt);
    if (entry.sink != nullptr && entry.sink->HeardBootNs() - entry.asked_boot_ns >= kStillHeardNs) {
      Divert(newcomer, &entry, "the one that spoke for it before is heard still");
      continue;
    }
    if (entry.sink != nullptr) {
      entry.sink->End(absl::AbortedError("another stream was opened for the same host"));
    }
    entry.sink = nullptr;
    On(newcomer);
  }
}

// Neither blocks the other: the newcomer goes on as a boot of its own of the same machine, which is
// all that its certificate binds it to.
void EngineLoop::Divert(const bus::StreamOpened& message, HostEntry* entry, absl::string_view why) {
  model::Nonce nonce;
  for (uint8_t& byte : nonce.bytes) byte = absl::Uniform<uint8_t>(random_);
  const model::HostId assumed{message.host.machine, model::AssumedBoot(message.host, nonce)};
  Suspect(message.host, entry,
          absl::StrCat("a second agent speaks for this boot: ", why,
                       message.backlog
                           ? "; it has records of it left, which are not taken"
                           : absl::StrCat("; it goes on as boot ", model::ToString(assumed.boot))));
  after_commit_.push_back([this, host = message.host, assumed, sink = message.sink] {
    sink->OnAccepted({.acknowledged = hosts_[host].applied, .assumed_host = assumed});
    sink->OnConsumed();
  });
}

void EngineLoop::Suspect(const model::HostId& host, HostEntry* entry, const std::string& detail) {
  entry->suspected_boot_ns = static_cast<int64_t>(options_.clock->BootNs());
  Degrade(host, entry, DegradationKind::kCloneSuspected, detail);
  entry->clone =
      model::Interference{host, model::InterferenceKind::kCloned, detail, options_.clock->WallNs()};
}

// A detection is tied to who is logged in, and who uses a clone may come in later.
void EngineLoop::JudgeClones() {
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  for (auto& [host, entry] : hosts_) {
    if (entry.clone.has_value() && engine_->AnyoneIn(host)) {
      engine_->Apply(*std::exchange(entry.clone, std::nullopt), &outcome_);
    }
    const bool stands = model::IsAssumed(host.boot) && entry.sink != nullptr;
    if (entry.suspected_boot_ns != 0 && !stands &&
        now - entry.suspected_boot_ns >= kSuspectedForNs) {
      entry.suspected_boot_ns = 0;
      entry.clone.reset();
      Undegrade(host, &entry, DegradationKind::kCloneSuspected, "");
    }
    for (const model::Degradation& each : entry.collector_degradations) {
      if (each.kind != DegradationKind::kRestartedWithoutHistory) continue;
      if (options_.clock->WallNs() - each.since_wall_ns < kHistoryMissedForNs) continue;
      Undegrade(host, &entry, each.kind, "");
      break;
    }
  }
}

}  // namespace hoptrail::collector::engine
