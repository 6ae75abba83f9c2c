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

// A login before a service, and what no package manager ran before what one ran, so that nothing
// hides behind an upgrade. Among equals the latest.
const StopOrigin::Command* StopOrigin::LikeliestCommand(uint64_t now_boot_ns) const {
  const auto rank = [](const Command& command) {
    return std::make_pair(command.package_manager.empty(), command.by_login);
  };
  const Command* best = nullptr;
  for (const Command& command : commands_) {
    if (!Within(command.boot_ns, now_boot_ns, kCommandWithinNs)) continue;
    if (best == nullptr || rank(command) >= rank(*best)) best = &command;
  }
  return best;
}

model::Goodbye StopOrigin::ByManager(uint64_t now_boot_ns) const {
  const Command* command = LikeliestCommand(now_boot_ns);
  if (command == nullptr) return {model::StopCause::kServiceManager, "", {}};
  const bool package = !command->package_manager.empty();
  return {package ? model::StopCause::kPackageManager : model::StopCause::kServiceManager,
          absl::StrCat("the service manager, after \"", command->line, "\" (",
                       Who(command->process, command->uid), ")",
                       package ? absl::StrCat(" of ", command->package_manager) : ""),
          command->session};
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
