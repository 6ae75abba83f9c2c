#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/rules/host_rule.h"
#include "agent/rules/reported_detections.h"
#include "core/base/path.h"
#include "core/detect/evidence.h"

namespace hoptrail::agent::rules {
namespace {

using detect::AddEvidence;

// A directory for installed programs, to which only root can write.
bool InSystemDirectory(absl::string_view path) {
  for (absl::string_view directory : {"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/"}) {
    if (absl::StartsWith(path, directory)) return true;
  }
  return false;
}

// runc and crun copy themselves to memory and execute the copy, so that a container cannot
// overwrite them (CVE-2019-5736). A runtime that a session starts itself (`podman run`, `runc run`)
// does this in the session; one that a daemon starts for it (`docker run`) is not in the session.
// Decided by the previous program of the process, because anybody can choose the name of a copy.
bool IsCopyOfRuntime(const decode::Exec& exec, const model::Image& before) {
  const absl::string_view program = BaseName(before.path);
  return exec.memory_only && (program == "runc" || program == "crun") &&
         InSystemDirectory(before.path);
}

// A program that executes itself again after an upgrade has replaced its file.
bool IsUpgraded(const decode::Exec& exec, const model::Image& before) {
  return !exec.memory_only && exec.image.inode != 0 && exec.image.inode == before.inode &&
         exec.image.device == before.device && InSystemDirectory(before.path);
}

// A remote session runs a program without a file: from memory, or from a file that was deleted
// before. One detection for each session and kind. Does not see a script without a file, because
// the kernel starts the interpreter, which has one.
class FilelessRule : public HostRule {
 public:
  static const detect::RuleInfo& Info() {
    static const auto* const info = new detect::RuleInfo{
        .id = "fileless",
        .title = "A remote session ran a program that no file shows",
        .techniques = {"T1620", "T1070.004"},
        .severity = model::Severity::kMedium,
        .check = "The program's contents: while it runs, /proc/PID/exe still gives them.",
        .benign_causes = {"a container runtime under another name than runc or crun",
                          "a program outside of /usr that starts itself anew after an upgrade",
                          "a developer who tries memfd_create"}};
    return *info;
  }

  explicit FilelessRule(const RuleOptions&) {}

  const detect::RuleInfo& info() const override { return Info(); }
  session::Interests interests() const override {
    return {session::Activity::kProcessStarted, session::Activity::kProvenanceKnown};
  }

  void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) override {
    if (event.kind == session::Activity::kProvenanceKnown) {
      reported_.OnProvenance(event, out);
      return;
    }
    const decode::Exec& exec = *event.As<decode::Exec>();
    if (!exec.memory_only && !exec.deleted) return;
    if (!event.by_remote_login() || !event.context->reported) return;
    const model::Image* const before = event.image_before;
    if (before != nullptr && (IsCopyOfRuntime(exec, *before) || IsUpgraded(exec, *before))) {
      return;
    }
    Report(event, exec, out);
  }

 private:
  void Report(const session::EnrichedEvent& event, const decode::Exec& exec, DetectionSink& out) {
    const model::Session& session = *event.session;
    const char* const kind = exec.memory_only ? "memory" : "deleted file";
    model::Detection detection = detect::MakeDetection(
        Info(),
        {.host = session.host, .session = session.id, .key = kind, .wall_ns = event.wall_ns()});
    if (reported_.Contains(session.id, detection.id)) return;
    detection.techniques = {exec.memory_only ? "T1620" : "T1070.004"};
    const std::string user =
        session.user.empty() ? absl::StrCat("uid ", session.uid) : session.user;
    detection.summary = detect::Bounded(absl::StrCat(
        user, " ran ", exec.image.path, exec.memory_only ? " from memory" : ", a deleted file"));
    AddEvidence(detection, "kind", kind);
    AddEvidence(detection, "program", exec.image.path);
    AddEvidence(detection, "process", absl::StrCat(event.event->header.process.tgid));
    if (event.image_before != nullptr) {
      AddEvidence(detection, "started_by", event.image_before->path);
    }
    AddEvidence(detection, "user", user);
    reported_.Report(event, std::move(detection), out);
  }

  ReportedDetections reported_{/*down_a_path=*/model::Severity::kHigh};
};

}  // namespace

HostRuleEntry Fileless() { return EntryOf<FilelessRule>(); }

}  // namespace hoptrail::agent::rules
