#ifndef HOPTRAIL_AGENT_SESSION_SESSION_SET_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_SET_H_

#include <cstddef>
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
#include "agent/session/minute_budget.h"
#include "agent/session/output.h"
#include "agent/session/pam_failures.h"
#include "agent/session/session_context.h"
#include "agent/session/state_store.h"
#include "core/base/clock.h"
#include "core/model/fact.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// A session, and the facts about it that only the agent needs.
struct Node : SessionContext {
  model::Session session;
  absl::flat_hash_set<model::ProcessKey> members;  // living processes
  bool dirty = false;                              // to be reported at the next Flush
  bool saved = false;                              // the state store has it
  // The process whose programs name the session: its first one, or the one that a container's
  // runtime leaves behind (SessionNaming::PassOn).
  model::ProcessKey named_by;
  bool own_program = false;  // session.program is a program that this process itself executed
  bool own_uid = false;      // session.uid is final
  uint32_t programs = 0;     // how many programs that process has executed
  bool timers_job = false;   // a unit that a timer starts
  bool job_named = false;    // a cron job whose unit contains the program, not only the user
  std::optional<model::Provenance> provenance;
  MinuteBudget hop_budget;        // connections to unwatched ports that are reported one by one
  MinuteBudget container_budget;  // sessions of pid namespaces that this session causes

  // Remote sessions only.
  uint64_t entry_socket = 0;  // 0 if it was never seen or is closed
  model::SessionId listener;  // session of the process that listened
  std::shared_ptr<const model::Image> listener_image;
  uint32_t base_audit = model::kNoLogin;  // audit session id before anyone logged in
  model::ProcessKey login_process;        // the process that opened the login
  PamFailures pam_failures;
  bool account_named = false;  // by the login server itself; PAM may map accounts
  // Whether the login showed its method has been noted, or the login was not seen.
  bool method_noted = false;

  void BeginLogin() {
    if (login < LoginState::kLoggedIn) login = LoginState::kLoggedIn;
    session.logged_in = true;
  }
  bool remote() const { return session.kind == model::EntryKind::kRemote; }
  // Neither a login nor a job; both may begin in it.
  bool daemon() const {
    return session.kind == model::EntryKind::kService ||
           session.kind == model::EntryKind::kContainer;
  }
};

// The sessions of one host: their members, and which of them are to be reported and saved. Does not
// decide when a session begins. Pointers to nodes stay valid until Age(). Not thread-safe.
class SessionSet {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    StateStore* store = nullptr;  // may be null
  };

  explicit SessionSet(Options options) : options_(options) {}

  Node* Find(const model::SessionId& id) {
    return found_ != nullptr && found_->session.id == id ? found_ : Search(id);
  }
  Node* OfAuditSession(uint32_t audit_session);

  // The session that begins with `first`. Returns an existing one unchanged.
  Node* Create(const process::Process& first, model::EntryKind kind);
  // Takes over a session that the previous run of the agent has saved.
  void Restore(const model::Session& session);

  // Moves a process into a session, out of its present one. A process that has ended keeps no
  // session open.
  void Join(process::Process& process, Node& node, uint64_t boot_ns);
  // The process has ended: closes its session if it was the last member.
  void Leave(process::Process& process, uint64_t boot_ns);

  void SetAuditSession(Node& node, uint32_t login_uid, uint32_t audit_session);
  // To be reported at the next Flush.
  void MarkDirty(Node& node);
  // Keeps the session and its members over a restart of the agent from now on.
  void Save(Node& node);
  void Close(Node& node, int64_t wall_ns);

  // Calls `complete(Node&)`, which may fill in what only matters in a report, and then
  // `report(const Node&)`, once for each session that has changed.
  template <typename Complete, typename Report>
  void Flush(Complete complete, Report report) {
    for (size_t i = 0; i < dirty_.size(); ++i) {
      Node* node = Find(dirty_[i]);
      if (node == nullptr) continue;
      complete(*node);
      MarkReported(*node);
      report(*node);
    }
    dirty_.clear();
  }
  template <typename Report>
  void Flush(Report report) {
    Flush([](Node&) {}, report);
  }
  // Saves the new members of saved sessions that are still alive. Most processes end before.
  void SaveMembers(process::ProcessTable& processes);
  // Forgets sessions that closed long ago.
  void Age(uint64_t now_boot_ns);

  template <typename Visitor>
  void ForEach(Visitor visitor) {
    for (auto& [id, node] : nodes_) visitor(node);
  }
  size_t size() const { return nodes_.size(); }
  // More sessions than it should keep, some of them closed: time for Age().
  bool needs_aging() const { return nodes_.size() > kMaxSessions && !closed_.empty(); }

 private:
  static constexpr size_t kMaxSessions = 16'384;
  static constexpr uint64_t kKeepClosedNs = 60'000'000'000;

  Node* Search(const model::SessionId& id);
  void MarkReported(Node& node);
  void Detach(process::Process& process, uint64_t boot_ns);

  const Options options_;
  absl::node_hash_map<model::SessionId, Node> nodes_;
  Node* found_ = nullptr;  // by the last Search(): one event asks for one session many times
  absl::flat_hash_map<uint32_t, model::SessionId> by_audit_session_;
  std::vector<model::SessionId> dirty_;
  std::vector<model::ProcessKey> unsaved_;                    // members of saved sessions
  std::deque<std::pair<uint64_t, model::SessionId>> closed_;  // by boot time of the close
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_SET_H_
