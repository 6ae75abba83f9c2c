#include "agent/uplink/stream_sender.h"

#include <algorithm>
#include <optional>

#include "core/base/status_macros.h"

namespace hoptrail::agent::uplink {
namespace {

// A stream that acknowledged nothing and ended sooner counts as one more failure.
constexpr absl::Duration kSteadyAfter = absl::Seconds(5);
// How often to look whether heartbeats are due again; every other event wakes the spool.
constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

absl::StatusOr<bool> StreamSender::Run(uint64_t after) {
  window_.Start(after);
  const SteadyTime steady_from = SteadyTime::Now() + kSteadyAfter;
  SteadyTime stop_by = SteadyTime::InfiniteFuture();
  last_write_ = SteadyTime::Now();
  for (uint64_t mark = 0; !connection_.ended();) {
    // Taken before the spool is read, so that a later change wakes the wait below.
    mark = options_.spool->WaitForChange(0, absl::ZeroDuration());
    if (!Answer()) return false;
    if (stopping()) stop_by = std::min(stop_by, SteadyTime::Now() + kStopGrace);
    const uint64_t acknowledged = connection_.acknowledged();
    if (acknowledged > after || SteadyTime::Now() >= steady_from) options_.back_off->Reset();
    window_.Acknowledged(acknowledged);
    HT_ASSIGN_OR_RETURN(const Sent sent, SendBatch());
    if (sent == Sent::kStreamEnded) return false;
    if (sent == Sent::kBatch) continue;
    if (window_.empty() && (stopping() || !options_.present)) return true;
    if (SteadyTime::Now() >= stop_by) return true;
    absl::Duration until_heartbeat = UntilHeartbeat();
    if (until_heartbeat <= absl::ZeroDuration()) {
      if (!connection_.WriteHeartbeat()) return false;
      last_write_ = SteadyTime::Now();
      until_heartbeat = UntilHeartbeat();
    }
    options_.spool->WaitForChange(mark, stopping() ? kStopGrace / 20 : until_heartbeat);
  }
  if (SteadyTime::Now() >= steady_from) options_.back_off->Reset();
  return false;
}

bool StreamSender::Answer() {
  const std::optional<model::Incarnation> answer = options_.identity->TakeAnswer();
  return !answer.has_value() || connection_.WriteIncarnation(*answer);
}

absl::StatusOr<StreamSender::Sent> StreamSender::SendBatch() {
  if (!window_.HasRoom()) return Sent::kNothing;
  HT_ASSIGN_OR_RETURN(v1::Batch batch, options_.source->Next(options_.host, window_.last_sent()));
  if (batch.records_size() == 0) return Sent::kNothing;
  const uint64_t last = batch.records(batch.records_size() - 1).sequence();
  window_.Sent(last, batch.records_size(), batch.ByteSizeLong());
  if (!connection_.Write(std::move(batch), last)) return Sent::kStreamEnded;
  last_write_ = SteadyTime::Now();
  return Sent::kBatch;
}

absl::Duration StreamSender::UntilHeartbeat() const {
  if (!options_.heartbeat_every) return absl::InfiniteDuration();
  const absl::Duration every = options_.heartbeat_every();
  // No event announces the end of an infinite interval.
  return every == absl::InfiniteDuration() ? kTick : last_write_ + every - SteadyTime::Now();
}

}  // namespace hoptrail::agent::uplink
