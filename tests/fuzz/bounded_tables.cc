// The session stage with tables so small that a short input fills them. Their bounds must hold at
// every moment, and ended processes and closed sessions must be removed.

#include "agent/decode/decoder.h"
#include "agent/session/correlator.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/kept_state.h"
#include "tests/fuzz/record_script.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

using agent::session::Correlator;

constexpr size_t kMaxProcesses = 8;
constexpr size_t kMaxConnections = 4;

class DiscardOutput : public agent::session::Output {
  void OnSession(const model::Session& session) override {}
  void OnHopEnd(const model::HopEnd& hop) override {}
  void OnLoginAttempt(const model::LoginAttempt& attempt, const model::SessionId& id) override {}
  void OnEdge(const model::EdgeCount& edge) override {}
  void OnLoss(const model::Loss& loss) override {}
};

Correlator::Options SmallTables(const Clock* clock, KeptState* kept) {
  Correlator::Options options;
  options.host.machine.bytes[0] = 1;
  options.clock = clock;
  options.has_timer = [](const std::string& unit) { return unit == "dump.service"; };
  options.user_resolver = [](uint32_t uid) { return uid == 0 ? "root" : "staff"; };
  options.host_pid_namespace = 100;
  options.store = kept;
  options.max_connections = kMaxConnections;
  options.max_edges = 4;
  options.processes.max_processes = kMaxProcesses;
  options.processes.max_ended = 4;
  return options;
}

void Check(const Correlator& correlator) {
  Require(correlator.process_count() <= kMaxProcesses, "the bound on processes holds");
  Require(correlator.connection_count() <= kMaxConnections, "the bound on connections holds");
}

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  fuzz::ByteSource source(data, size);
  fuzz::RecordScript script(&source);
  FakeClock clock;
  fuzz::KeptState kept;
  fuzz::DiscardOutput output;
  fuzz::Correlator correlator(fuzz::SmallTables(&clock, &kept), &output);
  for (int steps = 0; !source.empty() && steps < 200; ++steps) {
    const uint8_t times = source.Byte() % 32;
    const std::string record = script.Next();
    clock.AdvanceNs(static_cast<int64_t>(script.passed_ns()));
    for (uint32_t i = 0; i < times; ++i) {
      const std::string one = fuzz::Vary(record, i);
      const auto event = agent::decode::Decode(one.data(), one.size());
      if (event.ok()) correlator.Handle(*event);
      fuzz::Check(correlator);
    }
    if (times == 0) correlator.Tick();
    fuzz::Check(correlator);
  }
  // An hour later only sessions with living processes or open connections are left.
  for (int i = 0; i < 2; ++i) {
    clock.AdvanceNs(int64_t{3600} * 1'000'000'000);
    correlator.Tick();
  }
  fuzz::Require(correlator.session_count() <= fuzz::kMaxProcesses + fuzz::kMaxConnections,
                "closed sessions are forgotten");
  return 0;
}
