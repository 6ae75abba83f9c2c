#ifndef HOPTRAIL_AGENT_SESSION_FAKE_PROCESSES_H_
#define HOPTRAIL_AGENT_SESSION_FAKE_PROCESSES_H_

// For tests: the processes of FakeKernel (see fake_kernel.h).

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/decode/event.h"
#include "core/base/clock.h"

namespace hoptrail::agent::session {

// Processes that fork, execute programs, change their credentials and exit. Each act emits the
// record of the kernel side. Processes carry session tags as in the real kernel.
class FakeProcesses {
 public:
  using ProcessKey = model::ProcessKey;

  struct Proc {
    ProcessKey key, parent, tag;
    model::Credentials credentials;
    model::Namespaces namespaces{.pid = 100, .mount = 1, .network = 1, .user = 1};
    std::string path;
    decode::ControlGroups cgroups;
    uint64_t cgroup_id = 1;
    std::string command;
    std::set<uint64_t> sockets;
    bool listens = false;
  };

  explicit FakeProcesses(FakeClock* clock) : clock_(clock) {
    Proc init;
    init.key = {1, 1};
    init.path = "/usr/lib/systemd/systemd";
    procs_[init.key] = init;
  }

  // Receives the records; if empty, they are lost.
  std::function<void(const decode::Event&)> out;
  // Fork records are lost.
  bool lose_forks = false;

  ProcessKey init() const { return {1, 1}; }
  Proc& at(ProcessKey process) { return procs_.at(process); }
  bool alive(ProcessKey process) const { return procs_.count(process) != 0; }

  ProcessKey Fork(ProcessKey parent, uint32_t tgid = 0) {
    Tick();
    Proc child = at(parent);
    child.key = {tgid != 0 ? tgid : next_tgid_++, clock_->BootNs()};
    child.parent = parent;
    child.listens = false;
    if (at(parent).listens) child.tag = child.key;
    procs_[child.key] = child;
    if (!lose_forks) Send(parent, decode::Fork{child.key, child.tag});
    return child.key;
  }

  void Exec(ProcessKey process, const std::string& path,
            std::array<decode::Stream, 3> streams = Null(),
            std::vector<std::string> arguments = {}) {
    at(process).path = path;
    decode::Exec exec;
    exec.image.path = path;
    exec.image.arguments = std::move(arguments);
    exec.streams = streams;
    const Proc& proc = at(process);
    const auto parent = procs_.find(proc.parent);
    if (parent != procs_.end() && parent->second.cgroups != proc.cgroups) {
      exec.cgroups = proc.cgroups;
    }
    Send(process, exec);
  }

  void Exit(ProcessKey process) {
    Send(process, decode::Exit{});
    procs_.erase(process);
    for (auto& [other, proc] : procs_) {
      if (proc.parent == process) proc.parent = init();
    }
  }

  // No record of its own: the next record of the process shows the change.
  void SetAudit(ProcessKey process, uint32_t login_uid, uint32_t audit_session) {
    at(process).credentials.login_uid = login_uid;
    at(process).credentials.audit_session = audit_session;
    at(process).tag = process;
  }
  void SetUid(ProcessKey process, uint32_t uid) {
    at(process).credentials.uid = at(process).credentials.euid = uid;
  }
  void NewPidNamespace(ProcessKey process, uint32_t number) { at(process).namespaces.pid = number; }
  // No record of its own: the next exec of the process shows the control group.
  void MoveTo(ProcessKey process, const std::string& cgroup) {
    at(process).cgroups = {cgroup};
    at(process).cgroup_id = std::hash<std::string>()(cgroup);
  }

  void Pam(ProcessKey process, decode::PamStep step, const std::string& user, int result = 0,
           const std::string& service = "sshd") {
    decode::Pam pam;
    pam.step = step;
    pam.service = service;
    pam.user = user;
    pam.remote_host = service == "sshd" ? "198.51.100.9" : "";
    pam.result = result;
    pam.verified = true;
    Send(process, pam);
  }
  // sshd logs `text`.
  void Say(ProcessKey process, const std::string& text, bool verified = true) {
    Send(process, decode::SshdMessage{.text = text, .verified = verified});
  }
  // A login server formats `text`, which it need not log.
  void Format(ProcessKey process, decode::LoginText kind, const std::string& text) {
    Send(process, decode::SshdMessage{.text = text, .verified = true, .kind = kind});
  }
  // sshd has accepted a method, after a key of this type and fingerprint.
  void Decide(ProcessKey process, const std::string& method, const std::string& key_type = "",
              const std::string& fingerprint = "", const std::string& certificate_id = "") {
    Send(process, decode::SshdMessage{.text = method,
                                      .verified = true,
                                      .kind = decode::LoginText::kDecision,
                                      .key_type = key_type,
                                      .key_fingerprint = fingerprint,
                                      .certificate_id = certificate_id});
  }

  void EmitTampering(ProcessKey process, const std::string& command,
                     const decode::Tampering& tampering) {
    at(process).command = command;
    Send(process, tampering);
  }

  // The process gets the right to write the memory of `target`.
  void Trace(ProcessKey process, ProcessKey target,
             decode::TraceMethod method = decode::TraceMethod::kPtrace, bool may_write = true) {
    Send(process, decode::Trace{.target = target, .method = method, .may_write = may_write});
  }
  // The process opens a watched file.
  void OpenFile(ProcessKey process, const std::string& path, uint32_t owner, bool writes = true) {
    Send(process, decode::File{.action = decode::FileAction::kOpen,
                               .path = path,
                               .device = 5,
                               .inode = 6,
                               .owner = owner,
                               .reads = !writes,
                               .writes = writes});
  }
  void RenameTo(ProcessKey process, const std::string& path, uint32_t owner) {
    Send(process,
         decode::File{
             .action = decode::FileAction::kRename, .path = path, .inode = 7, .owner = owner});
  }

  void Emit(decode::Header header, decltype(decode::Event::body) body) {
    Tick();
    header.boot_ns = clock_->BootNs();
    if (out) out({std::move(header), std::move(body)});
  }

  // Standard streams.
  static decode::Stream Of(decode::StreamKind kind) {
    decode::Stream stream;
    stream.kind = kind;
    if (kind == decode::StreamKind::kTerminal) stream.device = 136u << 20 | 3;
    return stream;
  }
  static std::array<decode::Stream, 3> Null() {
    return {Of(decode::StreamKind::kFile), Of(decode::StreamKind::kFile),
            Of(decode::StreamKind::kFile)};
  }
  static std::array<decode::Stream, 3> All(decode::Stream stream) {
    return {stream, stream, stream};
  }

 protected:
  template <typename Body>
  void Send(ProcessKey process, Body body, bool with_tag = true) {
    const Proc& proc = at(process);
    decode::Header header;
    header.process = proc.key;
    header.tid = proc.key.tgid;
    header.parent = proc.parent;
    header.credentials = proc.credentials;
    header.namespaces = proc.namespaces;
    header.command = proc.command;
    header.cgroup_id = proc.cgroup_id;
    if (with_tag) header.tag = proc.tag;
    Emit(std::move(header), std::move(body));
  }
  std::map<ProcessKey, Proc>& procs() { return procs_; }

 private:
  void Tick() { clock_->AdvanceNs(1'000'000); }

  FakeClock* const clock_;
  std::map<ProcessKey, Proc> procs_;
  uint32_t next_tgid_ = 100;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FAKE_PROCESSES_H_
