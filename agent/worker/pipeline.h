#ifndef HOPTRAIL_AGENT_WORKER_PIPELINE_H_
#define HOPTRAIL_AGENT_WORKER_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "agent/decode/event.h"
#include "agent/rules/rule_runner.h"
#include "agent/session/correlator.h"
#include "agent/session/output.h"
#include "agent/session/state_store.h"
#include "agent/stop/stop_observer.h"
#include "agent/stop/stop_origin.h"
#include "core/base/clock.h"
#include "core/model/fact.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent {

// The agent's stages between the decoder and the spool, on one thread: kernel events in, facts out.
// A fact never mentions a session that was not emitted before it. Not thread-safe.
class Pipeline : private session::Output, private session::EventSink {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;  // outlives the pipeline
    std::vector<uint16_t> watched_ports = {22};
    std::function<bool(const std::string& unit)> has_timer;  // see Correlator::Options
    std::optional<uint32_t> host_pid_namespace;              // for tests
    v1::HostRulesConfig rules;
    session::SavedState saved;             // of the last run in this boot
    session::StateStore* store = nullptr;  // outlives the pipeline; may be null
    session::UserResolver user_resolver;   // /etc/passwd where empty
    // The agent's own service unit, empty where it has none, and the supervisor's pid on the host,
    // 0 where unknown.
    std::string unit;
    uint32_t supervisor_tgid = 0;
    std::function<void(model::Fact)> sink;
  };

  struct Counts {
    uint64_t events = 0;
    uint64_t lost = 0;  // reported by the kernel side, and lost in these stages
    size_t logins = 0;  // sessions of people that are open
  };

  explicit Pipeline(Options options);

  // In the order of the events' boot time.
  void Handle(const decode::Event& event);
  void Handle(const model::Provenance& provenance);
  // See session::Correlator.
  void ReportAsked(const model::HopKey& key) { correlator_.ReportAsked(key); }
  // Finds out who asked the agent to end, by that signal. Call it once all events before the end
  // were handled.
  model::Goodbye OnStop(const StopSignal& signal);
  // About once a second: emits the edges of past minutes and pending facts, ages tables.
  void Tick();
  // The collector has lost the state that was reported: emits again what it needs.
  void Repeat() { correlator_.Repeat(); }
  // No event will follow: emits pending facts.
  void Finish() { correlator_.Finish(); }

  Counts counts() const;
  const session::SilentServers& silent_servers() const { return correlator_.silent_servers(); }

 private:
  void FindSender(const StopSignal& signal, uint64_t now_boot_ns);
  void ReportRefused();
  void OnDetection(model::Detection detection);
  session::Interests interests() const override;
  void OnEvent(const session::EnrichedEvent& event) override;
  void OnSession(const model::Session& session) override;
  void OnHopEnd(const model::HopEnd& hop) override;
  void OnLoginAttempt(const model::LoginAttempt& attempt,
                      const model::SessionId& listener) override;
  void OnEdge(const model::EdgeCount& edge) override;
  void OnLoss(const model::Loss& loss) override;

  const Clock* const clock_;
  const model::HostId host_;
  const std::string unit_;
  const uint32_t supervisor_tgid_;
  const std::function<void(model::Fact)> sink_;
  StopOrigin stop_origin_;
  StopObserver stop_observer_;
  rules::RuleRunner rules_;
  session::Correlator correlator_;  // its events go to rules_ and stop_observer_
  absl::flat_hash_set<model::SessionId> logins_;
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
  uint64_t refused_reported_ = 0;  // detections that the rules' runner refused
  int64_t refused_since_wall_ns_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_PIPELINE_H_
