#include "core/detect/blinding.h"

#include <signal.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/rules/host_rule.h"
#include "agent/stop/sensor_manager.h"
#include "core/detect/evidence.h"
#include <linux/bpf.h>

namespace hoptrail::agent::rules {
namespace {

using decode::Tampering;
using decode::TamperingKind;
using detect::AddEvidence;
using detect::Bounded;

constexpr absl::string_view kLook = "look";

struct BpfWord {
  uint32_t command;
  absl::string_view word;
};

// The commands that the kernel side emits. Others are shown by their number.
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

std::string BpfMethod(uint32_t command) {
  for (const BpfWord& each : kBpfWords) {
    if (each.command == command) return std::string(each.word);
  }
  return absl::StrCat("bpf command ", command);
}

// A program that lists everything loaded in the kernel gets a handle of each object, the sensor's
// included.
bool OnlyLooks(const Tampering& tampering) {
  return tampering.kind == TamperingKind::kBpf && BpfMethod(tampering.bpf_command) == kLook;
}

std::string MethodOf(const Tampering& tampering) {
  switch (tampering.kind) {
    case TamperingKind::kSignal:
      return absl::StrCat("signal ", tampering.signal);
    case TamperingKind::kPtrace:
      return "ptrace";
    case TamperingKind::kBpf:
      return BpfMethod(tampering.bpf_command);
    case TamperingKind::kMap:
      return "map mapped for writing";
    case TamperingKind::kUnknown:
      break;
  }
  return "";
}

std::string TargetOf(const Tampering& tampering) {
  switch (tampering.object) {
    case decode::ObjectKind::kProgram:
      return absl::StrCat("program ", tampering.object_id);
    case decode::ObjectKind::kMap:
      return absl::StrCat("map ", tampering.object_id);
    case decode::ObjectKind::kLink:
      return absl::StrCat("link ", tampering.object_id);
    case decode::ObjectKind::kUnknown:
      break;
  }
  return tampering.target_command;
}

// Signals that end and stop nothing. Signal 0 asks whether the process exists.
bool IsHarmless(uint32_t signal) {
  return signal == 0 || signal == SIGCONT || signal == SIGCHLD || signal == SIGWINCH;
}

// High for what ends, stops or takes over the sensor, lower for signals that ask it to end or to
// reload, and information for a look.
model::Severity SeverityOf(const Tampering& tampering) {
  if (OnlyLooks(tampering)) return model::Severity::kInfo;
  if (tampering.kind != TamperingKind::kSignal) return model::Severity::kHigh;
  if (tampering.signal == SIGHUP)
    return model::Severity::kLow;  // the agent reloads its configuration
  const bool asks = tampering.signal == SIGTERM || tampering.signal == SIGINT;
  return asks ? model::Severity::kMedium : model::Severity::kHigh;
}

// `blinding` as the host sees it: a process tampers with the sensor's processes or with its
// programs and maps in the kernel. One detection for each session and method, reported again with
// the latest evidence.
class BlindingRule : public HostRule {
 public:
  static const detect::RuleInfo& Info() { return detect::BlindingInfo(); }

  explicit BlindingRule(const RuleOptions& options) : unit_(options.unit) {}

  const detect::RuleInfo& info() const override { return Info(); }
  session::Interests interests() const override { return {session::Activity::kTampering}; }

  void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) override {
    const Tampering& tampering = *event.As<Tampering>();
    if (tampering.kind == TamperingKind::kUnknown || event.session == nullptr) return;
    // A service manager may end the sensor as it ends any service.
    if (tampering.kind == TamperingKind::kSignal &&
        (IsHarmless(tampering.signal) || IsSensorManager(event, unit_))) {
      return;
    }
    const decode::Header& header = event.event->header;
    const model::Session& session = *event.session;
    const std::string method = MethodOf(tampering);
    const std::string target = TargetOf(tampering);
    model::Detection detection = detect::MakeDetection(
        Info(),
        {.host = session.host, .session = session.id, .key = method, .wall_ns = event.wall_ns()});
    detection.title = OnlyLooks(tampering)
                          ? "A process inspected the sensor's objects in the kernel"
                          : "A process tampered with the sensor";
    detection.severity = SeverityOf(tampering);
    detection.summary = Bounded(
        absl::StrCat(header.command, " (process ", header.process.tgid, ", ",
                     session.user.empty() ? absl::StrCat("uid ", session.uid) : session.user,
                     ") tried ", method, target.empty() ? "" : " on ", target));
    AddEvidence(detection, "kind", "tampering");
    AddEvidence(detection, "method", method);
    AddEvidence(detection, "target", target);
    AddEvidence(detection, "program", header.command);
    AddEvidence(detection, "process", absl::StrCat(header.process.tgid));
    AddEvidence(detection, "attempts", absl::StrCat(tampering.repeats));
    out.OnDetection(std::move(detection));
  }

 private:
  const std::string unit_;
};

}  // namespace

HostRuleEntry Blinding() { return EntryOf<BlindingRule>(); }

}  // namespace hoptrail::agent::rules
