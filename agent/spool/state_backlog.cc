#include "agent/spool/state_backlog.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"

namespace hoptrail::agent::spool {
namespace {

std::string SessionText(const model::SessionId& session) {
  return absl::StrCat("session ", model::ToString(session));
}
std::string MemberText(const model::ProcessKey& process) {
  return absl::StrCat("member ", process.tgid, " ", process.start_boot_ns);
}
std::string HopText(model::HopSide side, const model::HopKey& key) {
  return absl::StrCat("hop ", static_cast<int>(side), " ", key.value());
}

std::string WriterText(const std::string& path, const model::SessionId& session) {
  return absl::StrCat("writer ", model::ToString(session), " ", path);
}

std::string KeyOf(const SaveSession& change) { return SessionText(change.session.id); }
std::string KeyOf(const RemoveSession& change) { return SessionText(change.session); }
std::string KeyOf(const SaveMember& change) { return MemberText(change.process); }
std::string KeyOf(const RemoveMember& change) { return MemberText(change.process); }
std::string KeyOf(const SaveHop& change) { return HopText(change.hop.side, change.hop.hop_key); }
std::string KeyOf(const RemoveHop& change) { return HopText(change.side, change.hop_key); }
std::string KeyOf(const SaveFileWriter& change) {
  return WriterText(change.writer.path, change.writer.session);
}
std::string KeyOf(const RemoveFileWriter& change) {
  return WriterText(change.path, change.session);
}
std::string KeyOf(const Acknowledged& change) {
  return absl::StrCat("acknowledged ", model::ToString(change.host));
}
std::string KeyOf(const ForgetState&) { return "forget"; }
std::string KeyOf(const model::Fact&) { return "fact"; }

}  // namespace

void StateBacklog::Put(Change change) {
  std::string key = std::visit([](const auto& value) { return KeyOf(value); }, change);
  const auto known = changes_.find(key);
  if (known != changes_.end()) {
    auto* before = std::get_if<Acknowledged>(&known->second);
    auto* now = std::get_if<Acknowledged>(&change);
    if (before != nullptr && now != nullptr) {
      now->sequence = std::max(now->sequence, before->sequence);
    }
    known->second = std::move(change);
    return;
  }
  if (changes_.size() >= max_keys_) {
    LogWarning(
        "spool",
        "gives up the saved state: too much of it changed while the disk could not be written");
    std::erase_if(changes_, [](const auto& entry) {
      return !std::holds_alternative<Acknowledged>(entry.second);
    });
    forget_file_ = true;
  }
  changes_.emplace(std::move(key), std::move(change));
}

std::vector<Change> StateBacklog::Changes() const {
  std::vector<Change> all;
  all.reserve(changes_.size() + 1);
  if (forget_file_) all.emplace_back(ForgetState{});
  for (const auto& [key, change] : changes_) all.push_back(change);
  return all;
}

void StateBacklog::Clear() {
  changes_.clear();
  forget_file_ = false;
}

}  // namespace hoptrail::agent::spool
