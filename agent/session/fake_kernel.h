#ifndef HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_
#define HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_

#include <cstdint>
#include <string>

#include "agent/session/fake_sockets.h"

namespace hoptrail::agent::session {

// For tests: a kernel whose processes and sockets emit the records of the kernel side. Adds
// snapshots and logins by sshd to what FakeProcesses and FakeSockets do.
class FakeKernel : public FakeSockets {
 public:
  using FakeSockets::FakeSockets;

  // The kernel side emits one when the agent starts, and when records were lost.
  void Snapshot() {
    BeginSnapshot();
    EndSnapshot();
  }

  // The rows of the processes.
  void BeginSnapshot() {
    for (const auto& [key, proc] : procs()) {
      decode::ProcessSnapshot snapshot;
      snapshot.image.path = proc.path;
      snapshot.cgroups = proc.cgroups;
      Send(key, snapshot, /*with_tag=*/false);
    }
  }
  // The rows of the sockets that processes have open now, and the end.
  void EndSnapshot() {
    for (const auto& [key, proc] : procs()) {
      for (uint64_t socket : proc.sockets) Send(key, SnapshotOf(socket), /*with_tag=*/false);
    }
    Emit({}, decode::SnapshotDone{});
  }

  // sshd of Debian 12 as a service.
  ProcessKey StartSshd() {
    const ProcessKey sshd = Fork(init());
    Exec(sshd, "/usr/sbin/sshd");
    Listen(sshd);
    return sshd;
  }

  // sshd's child that serves one connection (the monitor), up to the password prompt. `tier1`: the
  // record of accept(2) comes, otherwise that of the first use of the socket.
  ProcessKey Serve(ProcessKey sshd, uint64_t socket, bool tier1) {
    if (tier1) Accept(sshd, socket, /*first_use=*/false);
    const ProcessKey monitor = Fork(sshd);
    at(monitor).sockets = {socket};
    if (tier1) at(sshd).sockets.erase(socket);
    Exec(monitor, "/usr/sbin/sshd", {Tcp(socket), Tcp(socket), Of(decode::StreamKind::kFile)});
    if (!tier1) Accept(monitor, socket, /*first_use=*/true);
    const ProcessKey child = Fork(monitor);
    SetUid(child, 101);
    Exit(child);
    return monitor;
  }

  // The login succeeds: sshd's message, PAM, and the user's process, which is returned.
  ProcessKey LogIn(ProcessKey monitor, const std::string& user, uint32_t uid,
                   uint32_t audit_session, const std::string& accepted) {
    Say(monitor, accepted);
    SetAudit(monitor, uid, audit_session);
    Pam(monitor, decode::PamStep::kOpenSession, user);
    const ProcessKey child = Fork(monitor);
    SetUid(child, uid);
    return child;
  }

  // sshd's message for a login by public key.
  static std::string AcceptedKey(const std::string& user, uint16_t port = 40000,
                                 const std::string& from = "198.51.100.9") {
    return "Accepted publickey for " + user + " from " + from + " port " + std::to_string(port) +
           " ssh2: ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  }
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_
