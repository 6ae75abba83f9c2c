#include "agent/spool/change.h"

#include "core/wire/record.h"

namespace hoptrail::agent::spool {
namespace {

struct Kind {
  const char* name;
  bool low_value;
};

Kind Of(const model::Session&) { return {"session", false}; }
Kind Of(const model::HopEnd&) { return {"hop_end", false}; }
Kind Of(const model::LoginAttempt&) { return {"login_attempt", false}; }
Kind Of(const model::EdgeCount&) { return {"edge", true}; }
Kind Of(const model::Detection&) { return {"detection", false}; }
Kind Of(const model::Coverage&) { return {"coverage", false}; }
Kind Of(const model::Loss&) { return {"loss", false}; }
Kind Of(const model::AgentHealth&) { return {"health", true}; }
Kind Of(const model::Interference&) { return {"interference", false}; }

Kind Of(const model::Fact& fact) {
  return std::visit([](const auto& value) { return Of(value); }, fact);
}

}  // namespace

bool IsLowValue(const model::Fact& fact) { return Of(fact).low_value; }
std::string KindOf(const model::Fact& fact) { return Of(fact).name; }

StoredRecord Store(const model::Fact& fact, uint64_t sequence) {
  return {sequence, IsLowValue(fact), KindOf(fact),
          wire::ToRecord(sequence, fact).SerializeAsString()};
}

}  // namespace hoptrail::agent::spool
