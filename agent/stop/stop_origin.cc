#include "agent/stop/stop_origin.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "core/detect/evidence.h"

namespace hoptrail::agent {
namespace {

constexpr size_t kMostKept = 16;
// A signal is read a moment after it was sent; a manager may first stop other services.
constexpr uint64_t kSignalWithinNs = 10'000'000'000;
constexpr uint64_t kCommandWithinNs = 30'000'000'000;
constexpr size_t kMaxLineBytes = 256;

template <typename T>
void Keep(T item, std::deque<T>* items) {
  if (items->size() >= kMostKept) items->pop_front();
  items->push_back(std::move(item));
}

bool Within(uint64_t boot_ns, uint64_t now_boot_ns, uint64_t limit_ns) {
  return boot_ns + limit_ns >= now_boot_ns;
}

std::string Who(const model::ProcessKey& process, uint32_t uid) {
  return absl::StrCat("process ", process.tgid, ", uid ", uid);
}

model::Goodbye ByProcess(const std::string& detail, const model::SessionId& session) {
  return {model::StopCause::kProcess, detail, session};
}

}  // namespace

void StopOrigin::OnSignal(Sender sender) {
  sender.command = detect::Bounded(sender.command);
  Keep(std::move(sender), &senders_);
}

void StopOrigin::OnCommand(Command command) {
  command.line = detect::Bounded(command.line, kMaxLineBytes);
  Keep(std::move(command), &commands_);
}

const StopOrigin::Sender* StopOrigin::Seen(const StopSignal& signal, uint64_t now_boot_ns) const {
  const Sender* found = nullptr;
  for (const Sender& sender : senders_) {
    if (sender.signal != signal.number) continue;
    if (!Within(sender.boot_ns, now_boot_ns, kSignalWithinNs)) continue;
    // The sender whose pid the supervisor received, otherwise the latest.
    if (found != nullptr && found->process.tgid == signal.pid) break;
    found = &sender;
  }
  return found;
}

model::Goodbye StopOrigin::ByManager(uint64_t now_boot_ns) const {
  model::Goodbye goodbye{model::StopCause::kServiceManager, "", {}};
  if (commands_.empty()) return goodbye;
  const Command& last = commands_.back();
  if (!Within(last.boot_ns, now_boot_ns, kCommandWithinNs)) return goodbye;
  goodbye.detail = absl::StrCat("the service manager, after \"", last.line, "\" (",
                                Who(last.process, last.uid), ")");
  goodbye.session = last.session;
  return goodbye;
}

model::Goodbye StopOrigin::Find(const StopSignal& signal, uint64_t now_boot_ns) const {
  const std::string what = absl::StrCat("signal ", signal.number);
  if (const Sender* sender = Seen(signal, now_boot_ns); sender != nullptr) {
    if (sender->manager) return ByManager(now_boot_ns);
    return ByProcess(
        absl::StrCat(what, " from ", sender->command, " (", Who(sender->process, sender->uid), ")"),
        sender->session);
  }
  switch (signal.from) {
    case StopSignal::From::kKernel:
      return ByProcess(absl::StrCat(what, " from the agent's terminal"), {});
    case StopSignal::From::kUnknown:
      return ByProcess(absl::StrCat(what, " from a process that did not identify itself"), {});
    case StopSignal::From::kProcess:
      break;
  }
  if (signal.pid <= 1 || signal.by_parent) return ByManager(now_boot_ns);
  return ByProcess(absl::StrCat(what, " from process ", signal.pid, " of uid ", signal.uid), {});
}

}  // namespace hoptrail::agent
