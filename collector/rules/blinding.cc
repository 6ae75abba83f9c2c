#include "collector/rules/blinding.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "core/detect/blinding.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::detect {
namespace {

using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;

absl::string_view NameOf(model::InterferenceKind kind) {
  switch (kind) {
    case model::InterferenceKind::kEnded:
      return "ended";
    case model::InterferenceKind::kStopped:
      return "stopped";
    case model::InterferenceKind::kBlind:
      return "blind";
    case model::InterferenceKind::kSilent:
      return "silent";
    case model::InterferenceKind::kCloned:
      return "cloned";
    case model::InterferenceKind::kUnknown:
      break;
  }
  return "unknown";
}

model::Detection Make(absl::string_view kind, int64_t wall_ns, absl::string_view detail,
                      const Step& suspect, size_t others) {
  model::Detection detection = hoptrail::detect::MakeDetection(
      hoptrail::detect::BlindingInfo(),
      {.host = suspect.host, .session = suspect.session, .key = kind, .wall_ns = wall_ns});
  detection.summary = Bounded(absl::StrCat("while ", Label(suspect), " was logged in: ", detail));
  AddEvidence(detection, "kind", kind);
  AddEvidence(detection, "detail", detail);
  AddEvidence(detection, "logged_in", Label(suspect));
  AddEvidence(detection, "origin", suspect.origin);
  if (others > 0) AddEvidence(detection, "other_open_sessions", absl::StrCat(others));
  return detection;
}

}  // namespace

model::Detection Blinding::Judge(const model::Interference& interference, const Step& suspect,
                                 size_t others) {
  model::Detection detection =
      Make(NameOf(interference.kind), interference.wall_ns, interference.detail, suspect, others);
  // The network may be to blame.
  if (interference.kind == model::InterferenceKind::kSilent) {
    detection.severity = model::Severity::kMedium;
  }
  // So may whoever copies machines for a living; or the certificate was stolen.
  if (interference.kind == model::InterferenceKind::kCloned) {
    detection.title = "Two agents speak for one host";
    detection.severity = model::Severity::kMedium;
  }
  return detection;
}

model::Detection Blinding::Judge(const model::Goodbye& goodbye, int64_t wall_ns,
                                 const Step& suspect, bool by_suspect, size_t others) {
  const std::string detail =
      absl::StrCat("the agent was asked to end",
                   goodbye.detail.empty() ? "" : absl::StrCat(": ", goodbye.detail));
  model::Detection detection = Make("goodbye", wall_ns, detail, suspect, others);
  if (by_suspect) {
    detection.title = "A login ended the sensor";
    detection.summary = Bounded(absl::StrCat("from the login of ", Label(suspect), ", ", detail));
  }
  // Who maintains a host asks its service manager; nobody who maintains it kills its processes.
  if (goodbye.cause != model::StopCause::kProcess) detection.severity = model::Severity::kMedium;
  return detection;
}

std::optional<model::Detection> Blinding::Judge(const model::Loss& loss, const Step& suspect,
                                                size_t others) {
  const bool high = loss.where == "ring/high";
  // A busy host fills the low ring and the tables without anybody's ill will; what is lost in the
  // agent's own queues is its own affair.
  if (!high && loss.where != "ring/low" && !absl::StartsWith(loss.where, "table/")) {
    return std::nullopt;
  }
  model::Detection detection =
      Make(absl::StrCat("loss ", loss.where), loss.until_wall_ns,
           absl::StrCat("the kernel side lost ", loss.count, " records (", loss.where,
                        loss.type.empty() ? "" : ", ", loss.type, ")"),
           suspect, others);
  detection.severity = high ? model::Severity::kMedium : model::Severity::kLow;
  return detection;
}

}  // namespace hoptrail::collector::detect
