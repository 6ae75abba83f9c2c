#ifndef HOPTRAIL_AGENT_SESSION_SESSION_SET_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_SET_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"

#include "agent/process/process_table.h"
#include "agent/session/output.h"
#include "agent/session/session_context.h"
#include "agent/session/state_store.h"
#include "core/base/clock.h"
#include "core/model/fact.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// A session and what the agent alone needs to know of it.
struct Node : SessionContext {
  model::Session session;
  absl::flat_hash_set<model::ProcessKey> members;  // living ones
  bool dirty = false;
  bool saved = false;
  bool own_program = false;  // session.program is an image of the first process's own
  bool own_uid = false;      // session.uid is final
  uint32_t programs = 0;     // that the first process became, so far
  bool timers_job = false;   // a unit that a timer starts
  bool job_named = false;    // a cron's job whose unit says more than whose it is
  std::optional<model::Provenance> provenance;
  // Connections to unwatched ports that were reported one by one in the minute that ends then.
  uint64_t budget_until_boot_ns = 0;
  uint32_t hops_in_budget = 0;
  // Sessions of bare pid namespaces that it caused in the minute that ends then.
  uint64_t containers_until_boot_ns = 0;
  uint32_t containers_in_budget = 0;

  // Remote sessions only.
  uint64_t entry_socket = 0;  // 0 where it was never seen or is closed
  model::SessionId listener;  // session of the process that listened
  std::shared_ptr<const model::Image> listener_image;
  uint32_t base_audit = model::kNoLogin;  // audit session id before anyone logged in
  model::ProcessKey login_process;        // the one that opened the login
  uint32_t pam_failures = 0;              // that sshd has not claimed too
  uint64_t pam_failure_boot_ns = 0;

  void BeginLogin() {
    if (login < LoginState::kLoggedIn) login = LoginState::kLoggedIn;
    session.logged_in = true;
  }
  bool remote() const { return session.kind == model::EntryKind::kRemote; }
  // Nobody's login and no job; either may begin in it.
  bool daemon() const {
    return session.kind == model::EntryKind::kService ||
           session.kind == model::EntryKind::kContainer;
  }
};

// The sessions of one host: who is in which, what of them is reported and saved. Knows nothing
// of how sessions come about. Not thread-safe. Pointers to nodes stay valid until Age().
class SessionSet {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    StateStore* store = nullptr;  // may be null
    size_t max_sessions = 16'384;
    uint64_t keep_closed_ns = 60'000'000'000;
  };

  explicit SessionSet(Options options) : options_(options) {}

  Node* Find(const model::SessionId& id);
  Node* OfAuditSession(uint32_t audit_session);

  // The session that begins with `first`; what is there already is returned as it is.
  Node* Create(const process::Process& first, model::EntryKind kind);
  Node* Restore(const model::Session& session);

  // Moves a process into a session, out of the one it was in. One that has ended keeps none open.
  void Join(process::Process& process, Node& node, uint64_t boot_ns);
  // The process ended; closes a session that it was the last of.
  void Leave(process::Process& process, uint64_t boot_ns);

  void SetAuditSession(Node& node, uint32_t login_uid, uint32_t audit_session);
  // To be reported at the next Flush.
  void MarkDirty(Node& node);
  // From now on remembered over a restart, with its members.
  void Save(Node& node);
  void Close(Node& node, int64_t wall_ns);

  // Reports what has changed: `report(const Node&)`, each once.
  template <typename Report>
  void Flush(Report report) {
    for (size_t i = 0; i < dirty_.size(); ++i) {
      Node* node = Find(dirty_[i]);
      if (node == nullptr) continue;
      MarkReported(*node);
      report(*node);
    }
    dirty_.clear();
  }
  // Saves members that have lived until now.
  void SaveMembers(process::ProcessTable& processes);
  // Forgets sessions that closed long ago.
  void Age(uint64_t now_boot_ns);

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    for (auto& [id, node] : nodes_) visitor(node);
  }
  size_t size() const { return nodes_.size(); }
  bool full() const { return nodes_.size() > options_.max_sessions && !closed_.empty(); }

 private:
  void MarkReported(Node& node);
  void Detach(process::Process& process, uint64_t boot_ns);

  const Options options_;
  absl::node_hash_map<model::SessionId, Node> nodes_;
  absl::flat_hash_map<uint32_t, model::SessionId> by_audit_session_;
  std::vector<model::SessionId> dirty_;
  std::vector<model::ProcessKey> unsaved_;  // members of saved sessions
  std::deque<std::pair<uint64_t, model::SessionId>> closed_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_SET_H_
