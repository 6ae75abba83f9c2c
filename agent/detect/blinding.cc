#include "agent/detect/blinding.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "core/detect/blinding.h"
#include "core/detect/evidence.h"
#include <linux/bpf.h>

namespace hoptrail::agent::detect {
namespace {

using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;

constexpr absl::string_view kLook = "look";

struct BpfWord {
  uint32_t command;
  absl::string_view word;
};

// What the kernel side tells of; the rest is shown by its number.
constexpr BpfWord kBpfWords[] = {
    {BPF_PROG_GET_FD_BY_ID, kLook},
    {BPF_MAP_GET_FD_BY_ID, kLook},
    {BPF_LINK_GET_FD_BY_ID, kLook},
    {BPF_MAP_UPDATE_ELEM, "map update"},
    {BPF_MAP_UPDATE_BATCH, "map update"},
    {BPF_MAP_DELETE_ELEM, "map delete"},
    {BPF_MAP_DELETE_BATCH, "map delete"},
    {BPF_MAP_LOOKUP_AND_DELETE_ELEM, "map delete"},
    {BPF_MAP_LOOKUP_AND_DELETE_BATCH, "map delete"},
    {BPF_MAP_FREEZE, "map freeze"},
    {BPF_OBJ_PIN, "pin"},
    {BPF_PROG_ATTACH, "program attach"},
    {BPF_RAW_TRACEPOINT_OPEN, "program attach"},
    {BPF_LINK_CREATE, "program attach"},
    {BPF_PROG_DETACH, "program detach"},
    {BPF_PROG_TEST_RUN, "program run"},
    {BPF_PROG_LOAD, "program loaded upon it"},
    {BPF_PROG_BIND_MAP, "map bound"},
    {BPF_LINK_UPDATE, "link update"},
    {BPF_LINK_DETACH, "link detach"},
    {BPF_ITER_CREATE, "iterator"},
};

std::string BpfWay(uint32_t command) {
  for (const BpfWord& each : kBpfWords) {
    if (each.command == command) return std::string(each.word);
  }
  return absl::StrCat("bpf command ", command);
}

// To list what is loaded in the kernel takes a handle of each thing, ours among them.
bool OnlyLooks(const BlindingRule::Attempt& attempt) {
  return attempt.way == BlindingRule::Way::kBpf && BpfWay(attempt.number) == kLook;
}

std::string WayOf(const BlindingRule::Attempt& attempt) {
  switch (attempt.way) {
    case BlindingRule::Way::kSignal:
      return absl::StrCat("signal ", attempt.number);
    case BlindingRule::Way::kTrace:
      return "ptrace";
    case BlindingRule::Way::kBpf:
      return BpfWay(attempt.number);
    case BlindingRule::Way::kMap:
      return "map mapped for writing";
  }
  return "";
}

bool Harmless(uint32_t signal) {
  return signal == 0 || signal == SIGCONT || signal == SIGCHLD || signal == SIGWINCH;
}

// What ends, stops or takes over is grave; a signal that may be answered as its sender likes is
// less; to look is nothing yet.
model::Severity SeverityOf(const BlindingRule::Attempt& attempt) {
  if (OnlyLooks(attempt)) return model::Severity::kInfo;
  if (attempt.way != BlindingRule::Way::kSignal) return model::Severity::kHigh;
  if (attempt.number == SIGHUP) return model::Severity::kLow;  // it reads its configuration anew
  const bool asks = attempt.number == SIGTERM || attempt.number == SIGINT;
  return asks ? model::Severity::kMedium : model::Severity::kHigh;
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
  detection.title = OnlyLooks(attempt) ? "Somebody looked at what the sensor has in the kernel"
                                       : "Somebody laid hands on the sensor";
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
