#ifndef HOPTRAIL_AGENT_SESSION_CORRELATOR_FIXTURE_H_
#define HOPTRAIL_AGENT_SESSION_CORRELATOR_FIXTURE_H_

// For tests: a correlator on a fake kernel. Keeps everything that it reports and saves.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/session/correlator.h"
#include "agent/session/fake_kernel.h"

namespace hoptrail::agent::session {

class MemoryStore : public StateStore {
 public:
  void SaveSession(const model::Session& session) override { sessions[session.id] = session; }
  void RemoveSession(const model::SessionId& session) override { sessions.erase(session); }
  void SaveMember(const model::ProcessKey& process, const model::SessionId& session) override {
    members[process] = session;
  }
  void RemoveMember(const model::ProcessKey& process) override { members.erase(process); }
  void SaveHop(const model::HopEnd& hop) override { hops[{hop.side, hop.hop_key}] = hop; }
  void RemoveHop(model::HopSide side, const model::HopKey& key) override {
    hops.erase({side, key});
  }
  void SaveFileWriter(const FileWriter& writer) override {
    file_writers[{writer.path, writer.session}] = writer;
  }
  void RemoveFileWriter(const std::string& path, const model::SessionId& session) override {
    file_writers.erase({path, session});
  }

  SavedState State() const {
    SavedState state;
    for (const auto& [id, session] : sessions) state.sessions.push_back(session);
    state.members.assign(members.begin(), members.end());
    for (const auto& [key, hop] : hops) state.open_hops.push_back(hop);
    for (const auto& [key, writer] : file_writers) state.file_writers.push_back(writer);
    return state;
  }

  std::map<model::SessionId, model::Session> sessions;
  std::map<model::ProcessKey, model::SessionId> members;
  std::map<std::pair<model::HopSide, model::HopKey>, model::HopEnd> hops;
  std::map<std::pair<std::string, model::SessionId>, FileWriter> file_writers;
};

class CorrelatorFixture : public testing::Test, public Output {
 protected:
  using ProcessKey = model::ProcessKey;

  CorrelatorFixture() {
    host_.machine.bytes[0] = 1;
    host_.boot.bytes[0] = 2;
    kernel_.out = [this](const decode::Event& event) {
      if (correlator_ != nullptr) correlator_->Handle(event);
    };
    Start();
  }

  void Start() {
    Correlator::Options options;
    options.host = host_;
    options.clock = &clock_;
    options.store = &store_;
    options.saved = store_.State();
    options.host_pid_namespace = 100;
    options.user_resolver = [](uint32_t uid) {
      return uid == 0      ? std::string("root")
             : uid == 33   ? std::string("www-data")
             : uid == 1000 ? std::string("staff")
                           : std::string();
    };
    options.has_timer = [this](const std::string& unit) { return timed_.count(unit) != 0; };
    correlator_ = std::make_unique<Correlator>(std::move(options), this);
  }

  void Forget() {
    reported_.clear();
    all_sessions_.clear();
    hops_.clear();
    attempts_.clear();
    edges_.clear();
    losses_.clear();
  }

  // kill -9 of the agent: it sees nothing until Start().
  void Kill() {
    correlator_.reset();
    Forget();
  }
  void Restart() {
    Start();
    kernel_.Snapshot();
  }

  model::SessionId Id(ProcessKey first) const { return model::DeriveSessionId(host_, first); }
  // The last report of the session; the test fails if there is none.
  model::Session Reported(ProcessKey first) {
    const auto found = reported_.find(Id(first));
    EXPECT_NE(found, reported_.end());
    return found == reported_.end() ? model::Session() : found->second;
  }
  bool IsReported(ProcessKey first) const { return reported_.count(Id(first)) != 0; }
  size_t CountOf(model::EntryKind kind) const {
    size_t count = 0;
    for (const auto& [id, session] : reported_) count += session.kind == kind;
    return count;
  }
  std::vector<model::HopEnd> Hops(model::HopSide side) const {
    std::vector<model::HopEnd> result;
    for (const model::HopEnd& hop : hops_) {
      if (hop.side == side) result.push_back(hop);
    }
    return result;
  }

  void OnSession(const model::Session& session) override {
    reported_[session.id] = session;
    all_sessions_.push_back(session);
  }
  void OnHopEnd(const model::HopEnd& hop) override {
    if (!hop.session.empty() && expect_sessions_first_) {
      EXPECT_TRUE(reported_.count(hop.session) != 0);
    }
    hops_.push_back(hop);
  }
  void OnLoginAttempt(const model::LoginAttempt& attempt,
                      const model::SessionId& listener) override {
    EXPECT_TRUE(reported_.count(listener) != 0) << "a detection of many attempts would name it";
    attempts_.push_back(attempt);
    listener_ = listener;
  }
  void OnEdge(const model::EdgeCount& edge) override { edges_.push_back(edge); }
  void OnLoss(const model::Loss& loss) override { losses_.push_back(loss); }

  FakeClock clock_;
  FakeKernel kernel_{&clock_};
  model::HostId host_;
  MemoryStore store_;
  std::set<std::string> timed_;  // units that a timer starts
  std::unique_ptr<Correlator> correlator_;
  bool expect_sessions_first_ = true;  // a hop's session must be reported before it
  std::map<model::SessionId, model::Session> reported_;
  std::vector<model::Session> all_sessions_;
  std::vector<model::HopEnd> hops_;
  std::vector<model::LoginAttempt> attempts_;
  model::SessionId listener_;  // of the last attempt
  std::vector<model::EdgeCount> edges_;
  std::vector<model::Loss> losses_;
};

// Runs each test under each tier of the accept hook.
class LoginTest : public CorrelatorFixture, public testing::WithParamInterface<bool> {
 protected:
  bool tier1() const { return GetParam(); }
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CORRELATOR_FIXTURE_H_
