// Which session a process is in whose beginning was not seen.

#include <algorithm>
#include <memory>
#include <vector>

#include "agent/session/correlator.h"

namespace hoptrail::agent::session {
namespace {

// Longest chain of ancestors that is looked at.
constexpr size_t kMaxChain = 4096;

}  // namespace

// What the header tells of its process, and nothing of what follows from that.
process::Process* Correlator::Meet(const decode::Header& header) {
  bool created = false;
  process::Process* process = processes_.Observe(header, &created);
  if (process == nullptr) return nullptr;
  if (process::Process* gone = processes_.Replaced(process->name); gone != nullptr) {
    End(*gone, header.boot_ns);
  }
  return process;
}

process::Process* Correlator::Observe(const decode::Header& header) {
  process::Process* process = processes_.Find(header.process);
  const uint32_t before = process == nullptr ? model::kNoLogin : process->credentials.audit_session;
  const bool known = process != nullptr && !process->session.empty();
  const bool heard_of = process != nullptr && process->own_events;
  process = Meet(header);
  if (process == nullptr) return nullptr;
  if (processes_.in_snapshot() && !known) {
    // Placed when it is complete, unless it is clear by now where: it may have ended by then.
    const process::Process* parent = processes_.Find(process->parent);
    if (parent == nullptr || parent->session.empty()) return process;
  }
  if (!known) Place(*process);
  const uint32_t after = process->credentials.audit_session;
  if (after != model::kNoLogin && (!known || after != before) && process->alive()) {
    OnAuditChange(*process);
  }
  // Its first word of itself shows its pid namespace; its fork showed its parent's.
  if (known && !heard_of) FollowContainer(*process);
  return process;
}

// It and what has come of it since leave the session that they were in.
Node* Correlator::NewSession(process::Process& first, model::EntryKind kind) {
  Node* node = sessions_.Create(first, kind);
  node->session.kind = kind;
  node->session.unit.clear();
  Describe(*node, first);
  MoveSubtree(first, *node);
  // A child that has not yet run a program of its own is told once it has.
  if (first.executed) sessions_.Touch(*node);
  return node;
}

// Finds the session of a process whose fork was not seen.
void Correlator::Place(process::Process& process) {
  // Ancestors first, so that each finds its parent placed.
  std::vector<process::Process*> chain = {&process};
  while (chain.size() < kMaxChain) {
    process::Process* parent = processes_.Find(chain.back()->parent);
    if (parent == nullptr || !parent->session.empty() || parent == chain.back() ||
        parent->name.start_boot_ns > chain.back()->name.start_boot_ns) {
      break;
    }
    chain.push_back(parent);
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    process::Process& p = **it;
    if (!p.session.empty()) continue;
    Node* node = nullptr;
    if (const auto saved = saved_members_.find(p.name); saved != saved_members_.end()) {
      node = sessions_.Find(saved->second);
      p.saved = node != nullptr;
    }
    process::Process* parent = processes_.Find(p.parent);
    if (node == nullptr && !p.label.empty() && p.label != p.name) {
      bool created = false;
      process::Process* head = processes_.EnsureNamed(p.label, &created);
      if (created) Place(*head);
      if (head != nullptr) node = NodeOf(*head);
    }
    if (node == nullptr && parent != nullptr && parent->name.tgid != 1) node = NodeOf(*parent);
    if (node == nullptr) node = sessions_.OfAuditSession(p.credentials.audit_session);
    if (node == nullptr) node = OpenContainer(ContainerOf(p));
    if (node != nullptr) {
      const bool saved = p.saved;
      p.saved = false;
      sessions_.Join(p, *node, now_boot_ns());
      p.saved = saved;
    } else {
      NewSession(p, model::EntryKind::kService);
    }
    if (!p.saved) FollowContainer(p);
    // The snapshot's own evidence: a connection that only the child of a listener holds.
    const auto held = held_.find(p.name);
    if (held == held_.end() || parent == nullptr || !parent->listens || p.listens) continue;
    const auto above = held_.find(parent->name);
    for (uint64_t socket : held->second) {
      Connection* connection = connections_.Find(socket);
      if (connection == nullptr || !connection->session.empty()) continue;
      if (above != held_.end() &&
          std::find(above->second.begin(), above->second.end(), socket) != above->second.end()) {
        continue;
      }
      if (!p.saved) OpenConnection(p, *connection, parent);
      break;
    }
  }
}

void Correlator::MoveSubtree(process::Process& head, Node& node) {
  const Node* from = NodeOf(head);
  sessions_.Join(head, node, now_boot_ns());
  if (from == nullptr || from == &node) return;
  std::vector<process::Process*> moving;
  for (const model::ProcessName& name : from->members) {
    process::Process* member = processes_.Find(name);
    process::Process* ancestor = member;
    for (size_t i = 0; ancestor != nullptr && ancestor != &head && i < 64; ++i) {
      ancestor = processes_.Find(ancestor->parent);
    }
    if (ancestor == &head) moving.push_back(member);
  }
  for (process::Process* member : moving) sessions_.Join(*member, node, now_boot_ns());
}

}  // namespace hoptrail::agent::session
