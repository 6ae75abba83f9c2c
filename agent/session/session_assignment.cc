#include "agent/session/session_assignment.h"

#include <algorithm>
#include <utility>

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// Longest chain of ancestors that is looked at.
constexpr size_t kMaxChain = 4096;

}  // namespace

SessionAssignment::SessionAssignment(uint32_t host_pid_namespace,
                                     std::function<bool(const std::string& unit)> has_timer,
                                     HostTables* tables)
    : tables_(*tables),
      naming_(std::move(has_timer), tables),
      containers_(host_pid_namespace, &tables->sessions) {}

void SessionAssignment::Restore(const SavedState& saved) {
  for (const model::Session& session : saved.sessions) {
    tables_.sessions.Restore(session);
    if (session.kind == model::EntryKind::kContainer) containers_.Restore(session);
  }
  for (const auto& [process, session] : saved.members) saved_members_.emplace(process, session);
}

void SessionAssignment::ForgetSaved() {
  for (const auto& [name, session] : saved_members_) {
    const process::Process* process = tables_.processes.Find(name);
    const bool lives = process != nullptr && process->alive();
    if (!lives && tables_.store != nullptr) tables_.store->RemoveMember(name);
  }
  saved_members_.clear();
}

Node* SessionAssignment::NewSession(process::Process& first, model::EntryKind kind) {
  Node* node = tables_.sessions.Create(first, kind);
  node->session.kind = kind;
  node->session.unit.clear();
  naming_.Describe(*node, first);
  MoveSubtree(first, *node);
  // A child that has not yet run a program of its own is reported once it has.
  if (first.executed) tables_.sessions.MarkDirty(*node);
  return node;
}

Node* SessionAssignment::NewJob(process::Process& first, uint32_t uid) {
  const Node* before = tables_.NodeOf(first);
  const model::SessionId cause =
      before != nullptr && before->from_remote ? before->session.id : model::SessionId();
  Node* job = NewSession(first, model::EntryKind::kCron);
  job->session.caused_by = cause;
  job->from_remote = !cause.empty();
  job->session.uid = uid;
  job->session.user = tables_.UserName(uid);
  job->session.unit = job->session.user;
  if (job->from_remote) tables_.sessions.Save(*job);
  tables_.sessions.MarkDirty(*job);
  return job;
}

void SessionAssignment::MoveSubtree(process::Process& head, Node& node) {
  const Node* from = tables_.NodeOf(head);
  tables_.sessions.Join(head, node, tables_.now_boot_ns);
  if (from == nullptr || from == &node) return;
  std::vector<process::Process*> moving;
  for (const model::ProcessKey& name : from->members) {
    process::Process* member = tables_.processes.Find(name);
    process::Process* ancestor = member;
    for (size_t i = 0; ancestor != nullptr && ancestor != &head && i < 64; ++i) {
      ancestor = tables_.processes.Find(ancestor->parent);
    }
    if (ancestor == &head) moving.push_back(member);
  }
  for (process::Process* member : moving) tables_.sessions.Join(*member, node, tables_.now_boot_ns);
}

std::vector<process::Process*> SessionAssignment::UnassignedChain(process::Process& process) {
  std::vector<process::Process*> chain = {&process};
  while (chain.size() < kMaxChain) {
    process::Process* parent = tables_.processes.Find(chain.back()->parent);
    if (parent == nullptr || !parent->session.empty() || parent == chain.back() ||
        parent->name.start_boot_ns > chain.back()->name.start_boot_ns) {
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
  if (const auto saved = saved_members_.find(p.name); saved != saved_members_.end()) {
    node = tables_.sessions.Find(saved->second);
    p.saved = node != nullptr;
  }
  process::Process* parent = tables_.processes.Find(p.parent);
  if (node == nullptr && !p.tag.empty() && p.tag != p.name) {
    bool created = false;
    process::Process* head = tables_.processes.EnsureNamed(p.tag, &created);
    if (created) Assign(*head);
    if (head != nullptr) node = tables_.NodeOf(*head);
  }
  if (node == nullptr && parent != nullptr && parent->name.tgid != 1)
    node = tables_.NodeOf(*parent);
  if (node == nullptr) node = tables_.sessions.OfAuditSession(p.credentials.audit_session);
  if (node == nullptr) node = containers_.FindOpen(containers_.NameOf(p));
  if (node != nullptr) {
    const bool saved = p.saved;
    p.saved = false;
    tables_.sessions.Join(p, *node, tables_.now_boot_ns);
    p.saved = saved;
  } else {
    NewSession(p, model::EntryKind::kService);
  }
  if (!p.saved) FollowContainer(p);
}

}  // namespace hoptrail::agent::session
