#include "collector/engine/loop/agent_returns.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/model/agent_run.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {
namespace {

using Missing = AgentReturn::Missing;

// The agent sends what it still knows about its end, and who did it, right after its Hello.
constexpr int64_t kSettlesNs = 2'000'000'000;
// An agent reports losses about once a second, after the records that follow the lost ones.
constexpr int64_t kLossWithinNs = 15'000'000'000;

// Whether the loss is of records that had a number.
bool IsOfNumbered(const model::Loss& loss) {
  return loss.where == "spool" || loss.where == "memory";
}

}  // namespace

void AgentReturns::OnAdmitted(const bus::StreamOpened& message, HostEntry* entry) {
  if (message.backlog) return;
  RecordGap& gap = entry->gap;
  const model::Incarnation& shown = message.incarnation;
  const bool same_state = !shown.empty() && (shown == entry->confirmed || shown == entry->offered);
  const bool new_run = entry->run != 0 && message.run.first_sequence != 0 &&
                       message.run.first_sequence != entry->run;
  if (shown.empty() && !entry->confirmed.empty()) {
    Note(Missing::kState,
         entry->broken_boot_ns != 0
             ? "the agent came back without its state, after its connection had broken without a "
               "goodbye"
             : "the agent came back without its state",
         entry);
  } else if (same_state && new_run && entry->broken_boot_ns != 0 &&
             message.run.previous_end == model::PreviousEnd::kNoTrace) {
    Note(Missing::kEnd,
         "the agent was started again after its connection had broken without a goodbye, and has "
         "no trace of its last run",
         entry);
  }
  // Records that it had announced are neither here nor with the agent.
  const bool gone =
      message.first_spooled_sequence == 0 || message.first_spooled_sequence > gap.announced;
  if (same_state && gap.announced > entry->applied_sequence && gone) {
    ++gap.missing;
    gap.due_boot_ns = state_->BootNow() + kLossWithinNs;
  }
  entry->run = message.run.first_sequence;
  gap.announced = std::max(message.last_spooled_sequence, entry->applied_sequence);
  gap.last = 0;
}

void AgentReturns::Note(Missing missing, const char* detail, HostEntry* entry) {
  entry->comes_back = AgentReturn{.missing = missing,
                                  .detail = detail,
                                  .wall_ns = state_->WallNow(),
                                  .broken = entry->broken_boot_ns != 0};
  entry->comes_back_boot_ns = state_->BootNow() + kSettlesNs;
}

void AgentReturns::OnRecords(const bus::FactBatch& message, HostEntry* entry) {
  RecordGap& gap = entry->gap;
  for (const uint64_t sequence : message.sequences) {
    // Numbers between two runs are not used, and neither are those of before the stream.
    const uint64_t expected = gap.last == 0 || entry->run == 0 || sequence < entry->run
                                  ? sequence
                                  : std::max(gap.last + 1, entry->run);
    if (sequence > expected) {
      gap.missing += sequence - expected;
      gap.due_boot_ns = state_->BootNow() + kLossWithinNs;
    }
    gap.last = std::max(gap.last, sequence);
  }
  for (const model::Fact& fact : message.facts) {
    const auto* loss = std::get_if<model::Loss>(&fact);
    if (loss != nullptr && IsOfNumbered(*loss)) gap.explained += loss->count;
  }
}

void AgentReturns::Evaluate() {
  const int64_t now = state_->BootNow();
  for (auto& [host, entry] : hosts_->all()) {
    if (entry.comes_back.has_value() && now >= entry.comes_back_boot_ns) {
      const AgentReturn comes_back = *std::exchange(entry.comes_back, std::nullopt);
      LogWarning("ingest", entry.host_name, " (", model::ToString(host), "): ", comes_back.detail);
      state_->engine->NoteTrouble(host, comes_back, &state_->transaction.outcome);
    }
    if (entry.gap.due_boot_ns != 0 && now >= entry.gap.due_boot_ns) EvaluateGap(host, &entry.gap);
  }
}

void AgentReturns::EvaluateGap(const model::HostId& host, RecordGap* gap) {
  const uint64_t missing = std::exchange(gap->missing, 0);
  const uint64_t explained = std::exchange(gap->explained, 0);
  gap->due_boot_ns = 0;
  if (missing <= explained) return;
  state_->engine->NoteTrouble(
      host,
      AgentReturn{.missing = Missing::kRecords,
                  .detail = absl::StrCat("at least ", missing,
                                         " records that the agent had spooled never arrived; it "
                                         "reported the loss of ",
                                         explained),
                  .wall_ns = state_->WallNow()},
      &state_->transaction.outcome);
}

}  // namespace hoptrail::collector::engine
