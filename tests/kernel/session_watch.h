#ifndef HOPTRAIL_TESTS_KERNEL_SESSION_WATCH_H_
#define HOPTRAIL_TESTS_KERNEL_SESSION_WATCH_H_

// From the kernel's records to the session.

#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "agent/session/correlator.h"
#include "core/base/clock.h"
#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {

// A recorder and the sessions that follow from its events.
class SessionWatch : public agent::session::Output {
 public:
  // `users`: names of uids; those of this machine if empty.
  explicit SessionWatch(agent::session::UserResolver users = {}) {
    agent::session::Correlator::Options options;
    options.host.machine.bytes[0] = 1;
    options.clock = &Clock::System();
    options.user_resolver = std::move(users);
    correlator_ = std::make_unique<agent::session::Correlator>(std::move(options), this);
    recorder_.Snapshot();
  }

  Recorder* recorder() { return &recorder_; }

  // Passes every event up to now on to the session stage.
  void Settle() {
    recorder_.Settle();
    for (; handled_ < recorder_.events().size(); ++handled_) {
      correlator_->Handle(recorder_.events()[handled_]);
    }
    correlator_->Tick();
  }

  std::vector<model::Session> RemoteSessions() const {
    std::vector<model::Session> remote;
    for (const auto& [id, session] : sessions_) {
      if (session.kind == model::EntryKind::kRemote) remote.push_back(session);
    }
    return remote;
  }

  model::HopKey ClientsHopKey(uint16_t port) {
    using agent::decode::Tcp;
    const Event* event = recorder_.WaitForBody<Tcp>("the client", [&](const auto&, const Tcp& tcp) {
      return tcp.phase == agent::decode::TcpPhase::kEstablished &&
             tcp.side == agent::decode::TcpSide::kClient && tcp.flow.server.port == port;
    });
    return event == nullptr ? model::HopKey() : std::get<Tcp>(event->body).hop_key;
  }

  void OnSession(const model::Session& session) override { sessions_[session.id] = session; }
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount&) override {}
  // The first recursion misses make the sensor attach a fallback program, whatever runs beside the
  // test: they say nothing of its records, whose absence the test notices.
  void OnLoss(const model::Loss& loss) override {
    EXPECT_EQ(loss.where, "skipped") << loss.count << " lost: " << loss.type;
  }

 private:
  Recorder recorder_;
  std::unique_ptr<agent::session::Correlator> correlator_;
  size_t handled_ = 0;
  std::map<model::SessionId, model::Session> sessions_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_SESSION_WATCH_H_
