// The agent from the kernel's records to facts: records in any order, floods, messages from the
// collector, time and restarts between them. The collector must accept every fact.

#include "agent/worker/pipeline.h"

#include <memory>
#include <set>
#include <string>

#include "agent/decode/decoder.h"
#include "core/wire/limits.h"
#include "core/wire/record.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/kept_state.h"
#include "tests/fuzz/record_script.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

class Agent {
 public:
  explicit Agent(ByteSource* source) : source_(*source), script_(source) {
    host_.machine.bytes[0] = 1;
    host_.boot.bytes[0] = 2;
    Start();
  }

  void Step() {
    const uint8_t what = source_.Byte();
    if (what < 200) {
      Handle(script_.Next(), 1);
    } else if (what < 215) {
      const uint64_t seconds = source_.Byte();
      clock_.AdvanceNs(static_cast<int64_t>(seconds * 1'000'000'000));
      pipeline_->Tick();
    } else if (what < 230) {
      ReceiveProvenance();
    } else if (what < 240) {
      const uint32_t times = source_.Byte();
      Handle(script_.Next(), times);
    } else if (what < 250) {
      clock_.StepWallNs(static_cast<int64_t>(source_.Byte()) * 60'000'000'000 - 3'600'000'000'000);
    } else {
      Start();
    }
  }

 private:
  void Start() {
    agent::Pipeline::Options options;
    options.host = host_;
    options.clock = &clock_;
    options.host_pid_namespace = 100;
    options.saved = kept_.Saved();
    for (const model::Session& session : options.saved.sessions) reported_.insert(session.id);
    options.store = &kept_;
    options.has_timer = [](const std::string& unit) { return unit == "dump.service"; };
    options.user_resolver = [](uint32_t uid) { return uid == 0 ? "root" : "staff"; };
    options.sink = [this](const model::Fact& fact) { Take(fact); };
    pipeline_ = std::make_unique<agent::Pipeline>(std::move(options));
  }

  void Handle(const std::string& record, uint32_t times) {
    clock_.AdvanceNs(static_cast<int64_t>(script_.passed_ns()));
    for (uint32_t i = 0; i < times; ++i) {
      const std::string one = i == 0 ? record : Vary(record, i);
      const auto event = agent::decode::Decode(one.data(), one.size());
      if (event.ok()) pipeline_->Handle(*event);
    }
  }

  void ReceiveProvenance() {
    model::Provenance provenance;
    const uint8_t index = source_.Byte();
    provenance.session = model::DeriveSessionId(host_, {100u + index, 1000u + index});
    provenance.root.bytes[0] = source_.Byte();
    provenance.root_host.machine.bytes[0] = 9;
    provenance.root_user = source_.Text();
    provenance.depth = source_.Byte();
    provenance.path = {"staff@gw", source_.Text()};
    pipeline_->Handle(provenance);
  }

  // The collector must accept each fact: a refused one would block all that follow it.
  void Take(const model::Fact& fact) {
    const std::string bytes = wire::ToRecord(++sequence_, fact).SerializeAsString();
    Require(bytes.size() <= wire::kMaxBatchBytes / 4, "a record is far shorter than a batch");
    v1::Record record;
    Require(record.ParseFromString(bytes), "a record's text is UTF-8");
    RequireOk(wire::FactFromProto(record).status(), "the collector accepts the agent's facts");
    if (const auto* session = std::get_if<model::Session>(&fact)) reported_.insert(session->id);
    if (const auto* hop = std::get_if<model::HopEnd>(&fact)) CheckReported(hop->session);
    if (const auto* detection = std::get_if<model::Detection>(&fact))
      CheckReported(detection->session);
  }

  // Not for login attempts: these may name the session of a connection on which nobody logged in.
  void CheckReported(const model::SessionId& session) {
    Require(session.empty() || reported_.count(session) != 0,
            "a session is reported before its facts");
  }

  ByteSource& source_;
  RecordScript script_;
  FakeClock clock_;
  model::HostId host_;
  KeptState kept_;
  std::set<model::SessionId> reported_;
  uint64_t sequence_ = 0;
  std::unique_ptr<agent::Pipeline> pipeline_;
};

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoptrail::fuzz::ByteSource source(data, size);
  hoptrail::fuzz::Agent agent(&source);
  for (int steps = 0; !source.empty() && steps < 200; ++steps) agent.Step();
  return 0;
}
