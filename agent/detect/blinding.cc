#include "agent/detect/blinding.h"

#include <signal.h>

#include "absl/strings/str_cat.h"

#include "core/detect/blinding.h"
#include "core/detect/evidence.h"

namespace hoptrail::agent::detect {
namespace {

using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;

std::string WayOf(const BlindingRule::Attempt& attempt) {
  switch (attempt.way) {
    case BlindingRule::Way::kSignal:
      return absl::StrCat("signal ", attempt.number);
    case BlindingRule::Way::kTrace:
      return "ptrace";
    case BlindingRule::Way::kBpf:
      return absl::StrCat("bpf command ", attempt.number);
  }
  return "";
}

bool Harmless(uint32_t signal) {
  return signal == 0 || signal == SIGCONT || signal == SIGCHLD || signal == SIGWINCH;
}

// What ends, stops or takes over; the rest may be curiosity.
model::Severity SeverityOf(const BlindingRule::Attempt& attempt) {
  const bool grave = attempt.way == BlindingRule::Way::kTrace ||
                     (attempt.way == BlindingRule::Way::kSignal && attempt.number != SIGTERM &&
                      attempt.number != SIGINT && attempt.number != SIGHUP);
  return grave ? model::Severity::kHigh : model::Severity::kMedium;
}

}  // namespace

std::optional<model::Detection> BlindingRule::OnAttempt(const Attempt& attempt,
                                                        const model::Session* session) const {
  if (options_.disabled || session == nullptr) return std::nullopt;
  if (attempt.way == Way::kSignal && (attempt.by_manager || Harmless(attempt.number))) {
    return std::nullopt;
  }
  const std::string way = WayOf(attempt);
  model::Detection detection = hoptrail::detect::MakeDetection(
      hoptrail::detect::BlindingInfo(),
      {.host = session->host, .session = session->id, .key = way, .wall_ns = attempt.wall_ns});
  detection.title = "Somebody laid hands on the sensor";
  detection.severity = SeverityOf(attempt);
  detection.summary = Bounded(
      absl::StrCat(attempt.command, " (process ", attempt.process.tgid, ", ",
                   session->user.empty() ? absl::StrCat("uid ", session->uid) : session->user,
                   ") tried ", way, attempt.target.empty() ? "" : " on ", attempt.target));
  AddEvidence(detection, "kind", "tampering");
  AddEvidence(detection, "way", way);
  AddEvidence(detection, "target", attempt.target);
  AddEvidence(detection, "program", attempt.command);
  AddEvidence(detection, "process", absl::StrCat(attempt.process.tgid));
  AddEvidence(detection, "attempts", absl::StrCat(attempt.repeats));
  return detection;
}

}  // namespace hoptrail::agent::detect
