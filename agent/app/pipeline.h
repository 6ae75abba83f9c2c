#ifndef HOPTRAIL_AGENT_APP_PIPELINE_H_
#define HOPTRAIL_AGENT_APP_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "agent/decode/event.h"
#include "agent/detect/blinding.h"
#include "agent/detect/brute_force.h"
#include "agent/detect/pivot.h"
#include "agent/detect/stop_origin.h"
#include "agent/session/correlator.h"
#include "agent/session/output.h"
#include "agent/session/state_store.h"
#include "core/base/clock.h"
#include "core/model/fact.h"

namespace hoptrail::agent::app {

// The agent's stages between the decoder and the spool, on one thread: kernel events in, facts
// out, in an order in which nothing is named before it has been told. Not thread-safe.
class Pipeline : private session::Output {
 public:
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;  // outlives the pipeline
    std::vector<uint16_t> watched_ports = {22};
    std::function<bool(const std::string& unit)> has_timer;  // see Correlator::Options
    std::optional<uint32_t> host_pid_namespace;              // for tests: another than the kernel's
    detect::PivotOptions pivot;
    detect::BruteForceOptions brute_force;
    detect::BlindingOptions blinding;
    session::SavedState saved;             // of the last run in this boot
    session::StateStore* store = nullptr;  // outlives the pipeline; may be null
    session::UserResolver user_resolver;   // /etc/passwd where empty
    // The agent's own service unit, empty where it is in none, and its first process as the host
    // numbers it, 0 where that is not known.
    std::string unit;
    uint32_t supervisor_tgid = 0;
    std::function<void(model::Fact)> sink;
  };

  struct Counts {
    uint64_t events = 0;
    uint64_t lost = 0;  // told by the kernel side, and here
    size_t processes = 0;
    size_t sessions = 0;
    size_t connections = 0;
    size_t logins = 0;  // sessions of people that are open
  };

  explicit Pipeline(Options options);

  // In the order of the events' boot time.
  void Handle(const decode::Event& event);
  void Handle(const model::Provenance& provenance);
  // Who asked the agent to end, by that signal. To be called once everything before it was handled.
  model::Goodbye OnStop(const detect::StopSignal& signal);
  // About once a second: edges of the minutes that are over, what was put off, ageing.
  void Tick();
  // The collector has lost what it was told: what it needs to go on is told anew.
  void Repeat() { correlator_.Repeat(); }
  // Nothing will follow: what was put off is told.
  void Finish() { correlator_.Finish(); }

  Counts counts() const;

 private:
  void OnTampering(const decode::Header& header, const decode::Tampering& tampering);
  void OnExec(const decode::Header& header, const decode::Exec& exec);
  bool IsLogin(const model::SessionId& id);
  bool IsSupervisor(const decode::Tampering& tampering) const;
  bool IsManager(const model::ProcessName& sender, const process::Process* target);
  void OnSession(const model::Session& session) override;
  void OnHopEnd(const model::HopEnd& hop) override;
  void OnLoginAttempt(const model::LoginAttempt& attempt,
                      const model::SessionId& listener) override;
  void OnEdge(const model::EdgeCount& edge) override;
  void OnLoss(const model::Loss& loss) override;

  const Clock* const clock_;
  const std::string unit_;
  const uint32_t supervisor_tgid_;
  const std::function<void(model::Fact)> sink_;
  session::Correlator correlator_;
  detect::PivotRule pivot_;
  detect::BruteForceRule brute_force_;
  detect::BlindingRule blinding_;
  detect::StopOrigin stop_origin_;
  absl::flat_hash_set<model::SessionId> logins_;
  uint64_t now_boot_ns_ = 0;  // of what is being handled
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_PIPELINE_H_
