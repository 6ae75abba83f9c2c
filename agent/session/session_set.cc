#include "agent/session/session_set.h"

namespace hoptrail::agent::session {

Node* SessionSet::Search(const model::SessionId& id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return nullptr;
  found_ = &found->second;
  return found_;
}

Node* SessionSet::OfAuditSession(uint32_t audit_session) {
  if (audit_session == model::kNoLogin) return nullptr;
  const auto found = by_audit_session_.find(audit_session);
  return found == by_audit_session_.end() ? nullptr : Find(found->second);
}

Node* SessionSet::Create(const process::Process& first, model::EntryKind kind) {
  const model::SessionId id = model::DeriveSessionId(options_.host, first.key);
  if (Node* known = Find(id); known != nullptr) return known;
  Node& node = nodes_[id];
  node.session.id = id;
  node.session.host = options_.host;
  node.session.first_process = first.key;
  node.named_by = first.key;
  node.session.kind = kind;
  node.session.uid = first.credentials.euid;
  node.session.program = std::string(first.program());
  node.session.opened_boot_ns = first.key.start_boot_ns;
  node.session.opened_wall_ns = options_.clock->WallFromBoot(first.key.start_boot_ns);
  node.own_program = first.executed;
  return &node;
}

void SessionSet::Restore(const model::Session& session) {
  Node& node = nodes_[session.id];
  node.session = session;
  node.named_by = session.first_process;
  node.reported = true;
  node.saved = true;
  node.own_program = true;
  node.own_uid = session.logged_in || !node.remote();
  node.method_noted = session.logged_in;
  node.from_remote = node.remote();
  node.login_process = session.first_process;
  if (session.logged_in) {
    node.login = session.login_ended_wall_ns == 0 ? LoginState::kLoggedIn : LoginState::kEnded;
  } else if (node.remote()) {
    node.login = LoginState::kPromoted;
  }
  if (session.audit_session != model::kNoLogin) {
    by_audit_session_[session.audit_session] = session.id;
  }
}

void SessionSet::Join(process::Process& process, Node& node, uint64_t boot_ns) {
  if (process.session != node.session.id) {
    Detach(process, boot_ns);
    process.session = node.session.id;
  } else if (process.alive()) {
    return;
  }
  if (!process.alive()) {
    // The session has no living process, so it ends as it begins. The members of a saved session
    // may be found later.
    if (node.members.empty() && !node.saved) {
      Close(node, options_.clock->WallFromBoot(process.exited_boot_ns));
    }
    return;
  }
  node.members.insert(process.key);
  if (node.session.closed_wall_ns != 0) {
    // The session was closed too early because a fork was lost.
    node.session.closed_wall_ns = 0;
    if (node.reported) MarkDirty(node);
    if (node.remote() && !node.pending()) Save(node);
  }
  if (node.saved) unsaved_.push_back(process.key);
}

void SessionSet::Leave(process::Process& process, uint64_t boot_ns) { Detach(process, boot_ns); }

void SessionSet::Detach(process::Process& process, uint64_t boot_ns) {
  if (process.saved) {
    if (options_.store != nullptr) options_.store->RemoveMember(process.key);
    process.saved = false;
  }
  Node* node = Find(process.session);
  if (node == nullptr || node->members.erase(process.key) == 0 || !node->members.empty()) return;
  Close(*node, options_.clock->WallFromBoot(boot_ns));
}

void SessionSet::SetAuditSession(Node& node, uint32_t login_uid, uint32_t audit_session) {
  node.session.login_uid = login_uid;
  node.session.audit_session = audit_session;
  if (audit_session != model::kNoLogin) by_audit_session_[audit_session] = node.session.id;
}

void SessionSet::MarkDirty(Node& node) {
  if (node.dirty || node.pending()) return;
  node.dirty = true;
  dirty_.push_back(node.session.id);
}

void SessionSet::Save(Node& node) {
  if (node.saved) return;
  node.saved = true;
  if (options_.store != nullptr) options_.store->SaveSession(node.session);
  unsaved_.insert(unsaved_.end(), node.members.begin(), node.members.end());
}

void SessionSet::Close(Node& node, int64_t wall_ns) {
  if (node.session.closed_wall_ns != 0) return;
  node.session.closed_wall_ns = wall_ns == 0 ? 1 : wall_ns;
  if (node.saved && options_.store != nullptr) options_.store->RemoveSession(node.session.id);
  node.saved = false;
  const auto audit = by_audit_session_.find(node.session.audit_session);
  if (audit != by_audit_session_.end() && audit->second == node.session.id) {
    by_audit_session_.erase(audit);
  }
  if (node.reported) MarkDirty(node);
  closed_.emplace_back(options_.clock->BootNs(), node.session.id);
}

void SessionSet::MarkReported(Node& node) {
  node.dirty = false;
  node.reported = true;
  if (node.saved && options_.store != nullptr) options_.store->SaveSession(node.session);
}

void SessionSet::SaveMembers(process::ProcessTable& processes) {
  for (const model::ProcessKey& key : unsaved_) {
    process::Process* process = processes.Find(key);
    if (process == nullptr || !process->alive() || process->saved) continue;
    const Node* node = Find(process->session);
    if (node == nullptr || !node->saved) continue;
    if (options_.store != nullptr) options_.store->SaveMember(key, process->session);
    process->saved = true;
  }
  unsaved_.clear();
}

void SessionSet::Age(uint64_t now_boot_ns) {
  while (!closed_.empty() &&
         (closed_.front().first + kKeepClosedNs < now_boot_ns || nodes_.size() > kMaxSessions)) {
    const auto found = nodes_.find(closed_.front().second);
    closed_.pop_front();
    // A late process may have reopened it.
    if (found != nodes_.end() && found->second.session.closed_wall_ns != 0 &&
        found->second.members.empty()) {
      if (found_ == &found->second) found_ = nullptr;
      nodes_.erase(found);
    }
  }
}

}  // namespace hoptrail::agent::session
