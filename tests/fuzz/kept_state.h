#ifndef HOPTRAIL_TESTS_FUZZ_KEPT_STATE_H_
#define HOPTRAIL_TESTS_FUZZ_KEPT_STATE_H_

// An agent's saved state in memory, for targets that restart the agent.

#include <map>
#include <string>
#include <utility>

#include "agent/session/state_store.h"

namespace hoptrail::fuzz {

class KeptState : public agent::session::StateStore {
 public:
  void SaveSession(const model::Session& session) override { sessions_[session.id] = session; }
  void RemoveSession(const model::SessionId& session) override { sessions_.erase(session); }
  void SaveMember(const model::ProcessKey& process, const model::SessionId& session) override {
    members_[process] = session;
  }
  void RemoveMember(const model::ProcessKey& process) override { members_.erase(process); }
  void SaveHop(const model::HopEnd& hop) override { hops_[{hop.side, hop.hop_key}] = hop; }
  void RemoveHop(model::HopSide side, const model::HopKey& key) override {
    hops_.erase({side, key});
  }
  void SaveFileWriter(const agent::session::FileWriter& writer) override {
    writers_[{writer.path, writer.session}] = writer;
  }
  void RemoveFileWriter(const std::string& path, const model::SessionId& session) override {
    writers_.erase({path, session});
  }

  agent::session::SavedState Saved() const {
    agent::session::SavedState state;
    for (const auto& [id, session] : sessions_) state.sessions.push_back(session);
    state.members.assign(members_.begin(), members_.end());
    for (const auto& [key, hop] : hops_) state.open_hops.push_back(hop);
    for (const auto& [key, writer] : writers_) state.file_writers.push_back(writer);
    return state;
  }

  size_t size() const {
    return sessions_.size() + members_.size() + hops_.size() + writers_.size();
  }

 private:
  std::map<model::SessionId, model::Session> sessions_;
  std::map<model::ProcessKey, model::SessionId> members_;
  std::map<std::pair<model::HopSide, model::HopKey>, model::HopEnd> hops_;
  std::map<std::pair<std::string, model::SessionId>, agent::session::FileWriter> writers_;
};

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_KEPT_STATE_H_
