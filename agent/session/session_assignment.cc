#include "agent/session/session_assignment.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hoptrail::agent::session {
namespace {

// Bounds the walk to the topmost ancestor without a session.
constexpr size_t kMaxChain = 4096;

}  // namespace

SessionAssignment::SessionAssignment(uint32_t host_pid_namespace,
                                     std::function<bool(const std::string& unit)> has_timer,
                                     HostTables* tables)
    : tables_(*tables),
      naming_(std::move(has_timer), tables),
      opener_(&naming_, tables),
      containers_(host_pid_namespace, &opener_, tables),
      jobs_(&opener_, tables) {}

void SessionAssignment::Restore(const SavedState& saved) {
  for (const model::Session& session : saved.sessions) {
    tables_.sessions.Restore(session);
    if (session.kind == model::EntryKind::kContainer) containers_.Restore(session);
  }
  for (const auto& [process, session] : saved.members) saved_members_.emplace(process, session);
}

void SessionAssignment::ForgetSaved() {
  for (const auto& [key, session] : saved_members_) {
    const process::Process* process = tables_.processes.Find(key);
    const bool lives = process != nullptr && process->alive();
    if (!lives && tables_.store != nullptr) tables_.store->RemoveMember(key);
  }
  saved_members_.clear();
}

std::vector<process::Process*> SessionAssignment::UnassignedChain(process::Process& process) {
  std::vector<process::Process*> chain = {&process};
  while (chain.size() < kMaxChain) {
    process::Process* parent = tables_.processes.Find(chain.back()->parent);
    if (parent == nullptr || !parent->session.empty() || parent == chain.back() ||
        parent->key.start_boot_ns > chain.back()->key.start_boot_ns) {
      break;
    }
    chain.push_back(parent);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

void SessionAssignment::Assign(process::Process& p) {
  if (!p.session.empty()) return;
  Node* node = nullptr;
  if (const auto saved = saved_members_.find(p.key); saved != saved_members_.end()) {
    node = tables_.sessions.Find(saved->second);
    p.saved = node != nullptr;
  }
  process::Process* parent = tables_.processes.Find(p.parent);
  if (node == nullptr && !p.tag.empty() && p.tag != p.key) {
    bool created = false;
    process::Process* head = tables_.processes.Ensure(p.tag, &created);
    if (created) Assign(*head);
    if (head != nullptr) node = tables_.NodeOf(*head);
  }
  if (node == nullptr && parent != nullptr && parent->key.tgid != 1) node = tables_.NodeOf(*parent);
  if (node == nullptr) node = tables_.sessions.OfAuditSession(p.credentials.audit_session);
  if (node == nullptr) node = containers_.FindFor(p);
  if (node != nullptr) {
    // Join() would remove a saved process from the store: it is in the store with this session.
    const bool saved = p.saved;
    p.saved = false;
    tables_.sessions.Join(p, *node, tables_.now_boot_ns);
    p.saved = saved;
  } else {
    opener_.NewSession(p, model::EntryKind::kService);
  }
  if (!p.saved) containers_.Follow(p);
}

}  // namespace hoptrail::agent::session
