// Messages of agents: from bytes to facts, from facts through the engine to the stored form.

#include "collector/engine/engine.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "tests/fuzz/outcome_check.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  v1::AgentMessage message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  (void)wire::ParseHostName(message.hello().host());
  const FakeClock clock;
  collector::engine::EngineOptions options;
  options.clock = &clock;
  collector::engine::Engine engine(options);
  collector::engine::Outcome outcome;
  for (const v1::Record& record : message.batch().records()) {
    const auto fact = wire::FactFromProto(record);
    if (!fact.ok()) continue;
    const auto again = wire::FactFromProto(wire::ToRecord(record.sequence(), *fact));
    fuzz::RequireOk(again.status(), "an accepted fact can be encoded again");
    fuzz::Require(*again == *fact, "an accepted fact is encoded unchanged");
    engine.Apply(*fact, &outcome);
  }
  engine.Tick(&outcome);
  fuzz::CheckOutcome(outcome);
  return 0;
}
