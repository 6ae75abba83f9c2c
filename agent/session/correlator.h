#ifndef HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
#define HOPTRAIL_AGENT_SESSION_CORRELATOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "agent/decode/event.h"
#include "agent/process/process_table.h"
#include "agent/session/connection_table.h"
#include "agent/session/edge_counter.h"
#include "agent/session/output.h"
#include "agent/session/session_set.h"
#include "agent/session/sshd_message.h"
#include "agent/session/state_store.h"
#include "agent/session/user_names.h"
#include "core/base/clock.h"

namespace hoptrail::agent::session {

// The session tree: from events to sessions, hop ends, login attempts and edges.
//
// A process is in its parent's session, but for these beginnings:
//  - a process forked by one that listens, for one connection (it gets the connection on a standard
//    stream at exec, or uses it first): a remote session, pending until someone comes in by it;
//  - whoever else gets an accepted connection on a standard stream at exec: likewise;
//  - a child of process 1: a service;
//  - a process of a service whose audit session changes, or that cron has started: a console login
//    or a scheduled job;
//  - a process of a service in a container of its own, by its control group or pid namespace: a
//    container. People's and jobs' sessions keep what they start in containers.
// A connection accepted by a process that goes on listening drives that process's session.
//
// Not thread-safe; the owner feeds it events in the order of their boot time.
class Correlator {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    std::vector<uint16_t> watched_ports = {22};
    UserResolver user_resolver;  // /etc/passwd where empty
    // Whether a timer starts the unit, by its name as systemd writes it. May be empty.
    std::function<bool(const std::string& unit)> has_timer;
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same on every host.
    uint32_t host_pid_namespace = 0xEFFFFFFC;
    StateStore* store = nullptr;  // may be null
    SavedState saved;
    size_t max_connections = 65'536;
    size_t max_edges = 4'096;
    // Of one session, to ports that are not watched; more are counted in edges alone.
    uint32_t max_hops_per_minute = 1'000;
    process::ProcessTable::Options processes;
  };

  Correlator(Options options, Output* output);

  void Handle(const decode::Event& event);
  // Kept with the session; false where it is not one of this host's.
  bool Handle(const model::Provenance& provenance, uint64_t boot_ns);
  // About once a second.
  void Tick();
  // Whoever was told has forgotten: tells anew the sessions that there are and the connections that
  // are open, now and, where they are many, at the ticks that follow.
  void Repeat();
  // Nothing will follow: tells what was put off or is still being counted.
  void Finish();

  // Null where unknown. Valid until the next call that is not const.
  const model::Session* FindSession(const model::SessionId& id);
  const model::Provenance* FindProvenance(const model::SessionId& id);
  const Node* FindNode(const model::SessionId& id) { return sessions_.Find(id); }
  model::SessionId SessionOf(const model::ProcessName& process);
  const process::Process* FindProcess(const model::ProcessName& process) {
    return processes_.Find(process);
  }
  const process::Process* FindNewestProcess(uint32_t tgid) { return processes_.FindNewest(tgid); }

  // Every process that counts as living.
  std::vector<model::ProcessName> LivingProcesses();

  size_t process_count() const { return processes_.size(); }
  size_t session_count() const { return sessions_.size(); }
  size_t connection_count() const { return connections_.size(); }

 private:
  struct PendingAttempt {
    model::LoginAttempt attempt;
    model::SessionId listener;
  };

  // process_events.cc: from fork to exit.
  void On(const decode::Header& header, const decode::Fork& fork);
  void On(const decode::Header& header, const decode::Exec& exec);
  void On(const decode::Header& header, const decode::Exit& exit);
  void On(const decode::Header& header, const decode::CredentialsChange& change);
  void On(const decode::Header& header, const decode::NamespacesChange& change);
  void End(process::Process& process, uint64_t boot_ns);
  void Run(process::Process& process, const model::Image& image, uint64_t boot_ns);

  // placing.cc: which session a process is in.
  process::Process* Meet(const decode::Header& header);
  process::Process* Observe(const decode::Header& header);
  void Place(process::Process& process);
  Node* NodeOf(const process::Process& process) { return sessions_.Find(process.session); }
  Node* NewSession(process::Process& first, model::EntryKind kind);
  void MoveSubtree(process::Process& head, Node& node);

  // containers.cc: which container a process is in.
  std::string PidNamespaceOf(const process::Process& process) const;
  std::string ContainerOf(const process::Process& process) const;
  Node* OpenContainer(const std::string& name);
  void FollowContainer(process::Process& process);
  void NameContainer(Node& node, const process::Process& first, const std::string& name);
  bool MayCauseContainer(Node& node) const;
  void ForgetContainers();

  // units.cc: what sessions that are no logins are called.
  static bool IsProgram(const Node& node);
  void Describe(Node& node, const process::Process& first);
  void FindJob(process::Process& process);
  void NameJob(Node& node, const model::Image& image);
  Node* NewJob(process::Process& first, uint32_t uid);

  // audit_login.cc: logins as the kernel itself knows them.
  void OnAuditChange(process::Process& process);
  bool InCronLineage(const process::Process& process);

  // correlator.cc: what needs nothing but its process placed.
  void On(const decode::Header& header, const decode::File&) { Observe(header); }
  void On(const decode::Header& header, const decode::Tampering& tampering);

  // entry.cc: connections that bring someone in.
  void OnStreams(process::Process& process, const decode::Exec& exec);
  void OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec);
  Node* NewRemote(const process::Process& head);
  Node* OpenConnection(process::Process& head, Connection& connection, process::Process* listener);
  static void NoteListener(Node& node, const model::SessionId& left,
                           const process::Process* listener);
  process::Process* ConnectionHead(process::Process& process, const Connection& connection,
                                   uint64_t boot_ns);
  Node* ClaimOffered(process::Process& process);
  Node* OpenUnseen(process::Process& process, const model::Endpoint* client);
  Connection* UnclaimedFrom(const model::Endpoint& client);
  void AttachEntry(Node& node, const model::Endpoint& client);
  void ReturnToListener(Node& node);
  void Reveal(Node& node);
  void LogIn(Node& node, process::Process& process, bool tell_attempt);
  void EndLogin(Node& node, uint64_t boot_ns);

  // witness.cc: what PAM and sshd say.
  void On(const decode::Header& header, const decode::Pam& pam);
  void On(const decode::Header& header, const decode::SshdMessage& message);
  void OnRemotePam(Node& node, process::Process& process, const decode::Pam& pam);
  void OnLocalPam(Node& node, process::Process& process, const decode::Pam& pam);
  void Attempt(Node& node, model::LoginAttempt attempt);

  // traffic.cc: connections, hop ends, edges.
  void On(const decode::Header& header, const decode::Tcp& tcp);
  void On(const decode::Header& header, const decode::Accept& accept);
  void OnHandedOver(const decode::Header& header, const decode::Accept& accept);
  void OnConnect(const decode::Header& header, const decode::Tcp& tcp);
  void OnEstablished(const decode::Header& header, const decode::Tcp& tcp);
  void OnClosed(const decode::Tcp& tcp);
  void Own(Connection& connection, const process::Process& process);
  void CountEdge(Connection& connection);
  model::EdgeCount& Edge(const Connection& connection);
  bool Watched(uint16_t port) const;
  bool Qualifies(const Connection& connection);
  bool WithinBudget(const model::SessionId& id);
  void Report(Connection& connection);
  void ReportLater(Connection& connection);

  // sends.cc: what happens without a TCP connection.
  void On(const decode::Header& header, const decode::Sends& sends);
  void On(const decode::Header& header, const decode::UnixConnect& connect);

  // snapshot.cc: what was there before, and what the last run knew.
  void On(const decode::Header& header, const decode::ProcessSnapshot& snapshot);
  void On(const decode::Header& header, const decode::SocketSnapshot& snapshot);
  void On(const decode::Header& header, const decode::SnapshotDone& done);
  void On(const decode::Header& header, const decode::Lost& lost);
  void PlaceAll();
  void FindLogins();
  void FindConnections();
  void DropVanished();
  void SettleSnapshot();
  void EndAll(const std::vector<model::ProcessName>& gone, uint64_t boot_ns);

  uint64_t now_boot_ns() const { return now_boot_ns_; }
  int64_t now_wall_ns() const { return options_.clock->WallFromBoot(now_boot_ns_); }
  void Flush();
  void RepeatSome();
  void ReportWaiting(uint64_t until_boot_ns);
  void TellLosses();
  void TellLoss(const char* where, const char* type, uint64_t count);

  Options options_;
  Output* const output_;
  process::ProcessTable processes_;
  SessionSet sessions_;
  ConnectionTable connections_;
  EdgeCounter edges_;
  UserNames users_;
  uint64_t now_boot_ns_ = 0;                                       // of the event in hand
  absl::flat_hash_map<std::string, model::SessionId> containers_;  // by ContainerOf
  absl::flat_hash_map<model::ProcessName, model::SessionId> saved_members_;
  std::vector<model::HopEnd> saved_hops_;
  bool restored_ = false;               // the first snapshot is over
  uint64_t snapshot_done_boot_ns_ = 0;  // of the last one, until it is settled
  // Accepted sockets by holder, while a snapshot comes in.
  absl::flat_hash_map<model::ProcessName, std::vector<uint64_t>> held_;
  absl::flat_hash_set<uint64_t> snapshot_sockets_;
  std::deque<std::pair<uint64_t, uint64_t>> waiting_;  // (boot time, socket) of ReportLater
  std::deque<model::SessionId> repeat_sessions_;       // to be told anew, in this order
  std::deque<uint64_t> repeat_sockets_;                // after those
  std::vector<model::HopEnd> hops_;                    // to be told at the end of the event
  std::vector<PendingAttempt> attempts_;
  int64_t last_loss_wall_ns_ = 0;
  uint64_t dropped_told_ = 0;
  uint64_t hops_dropped_ = 0;  // not told yet
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CORRELATOR_H_
