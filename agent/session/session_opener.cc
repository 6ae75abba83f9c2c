#include "agent/session/session_opener.h"

#include <cstddef>
#include <vector>

namespace hoptrail::agent::session {
namespace {

// How far above a process MoveSubtree() looks for the head.
constexpr size_t kMaxDepth = 64;

}  // namespace

Node* SessionOpener::NewSession(process::Process& first, model::EntryKind kind) {
  Node* node = tables_.sessions.Create(first, kind);
  node->session.kind = kind;
  node->session.unit.clear();
  naming_.Describe(*node, first);
  MoveSubtree(first, *node);
  // A child that runs no program of its own yet is reported after its exec.
  if (first.executed) tables_.sessions.MarkDirty(*node);
  return node;
}

void SessionOpener::MoveSubtree(process::Process& head, Node& node) {
  const Node* from = tables_.NodeOf(head);
  tables_.sessions.Join(head, node, tables_.now_boot_ns);
  if (from == nullptr || from == &node) return;
  std::vector<process::Process*> moving;
  for (const model::ProcessKey& key : from->members) {
    process::Process* member = tables_.processes.Find(key);
    process::Process* ancestor = member;
    for (size_t i = 0; ancestor != nullptr && ancestor != &head && i < kMaxDepth; ++i) {
      ancestor = tables_.processes.Find(ancestor->parent);
    }
    if (ancestor == &head) moving.push_back(member);
  }
  for (process::Process* member : moving) tables_.sessions.Join(*member, node, tables_.now_boot_ns);
}

}  // namespace hoptrail::agent::session
