#include "core/wire/record.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/limits.h"
#include "core/wire/observations.h"

namespace hoptrail::wire {
namespace {

void SetFact(const model::Session& fact, v1::Record& out) {
  *out.mutable_session() = ToProto(fact);
}
void SetFact(const model::HopEnd& fact, v1::Record& out) { *out.mutable_hop_end() = ToProto(fact); }
void SetFact(const model::LoginAttempt& fact, v1::Record& out) {
  *out.mutable_login_attempt() = ToProto(fact);
}
void SetFact(const model::EdgeCount& fact, v1::Record& out) { *out.mutable_edge() = ToProto(fact); }
void SetFact(const model::Detection& fact, v1::Record& out) {
  *out.mutable_detection() = ToProto(fact);
}
void SetFact(const model::Coverage& fact, v1::Record& out) {
  *out.mutable_coverage() = ToProto(fact);
}
void SetFact(const model::Loss& fact, v1::Record& out) { *out.mutable_loss() = ToProto(fact); }
void SetFact(const model::AgentHealth& fact, v1::Record& out) {
  *out.mutable_health() = ToProto(fact);
}
void SetFact(const model::Interference& fact, v1::Record& out) {
  *out.mutable_interference() = ToProto(fact);
}

template <typename Message>
absl::StatusOr<model::Fact> Read(const Message& message) {
  auto fact = FromProto(message);
  if (!fact.ok()) return fact.status();
  return model::Fact(*std::move(fact));
}

}  // namespace

v1::Record ToRecord(uint64_t sequence, const model::Fact& fact) {
  v1::Record record;
  record.set_sequence(sequence);
  std::visit([&record](const auto& value) { SetFact(value, record); }, fact);
  return record;
}

absl::StatusOr<model::Fact> FactFromProto(const v1::Record& record) {
  if (record.sequence() == 0 || record.sequence() > kMaxCount) {
    return absl::InvalidArgumentError(
        absl::StrCat("record.sequence: out of range: ", record.sequence()));
  }
  switch (record.fact_case()) {
    case v1::Record::kSession:
      return Read(record.session());
    case v1::Record::kHopEnd:
      return Read(record.hop_end());
    case v1::Record::kLoginAttempt:
      return Read(record.login_attempt());
    case v1::Record::kEdge:
      return Read(record.edge());
    case v1::Record::kDetection:
      return Read(record.detection());
    case v1::Record::kCoverage:
      return Read(record.coverage());
    case v1::Record::kLoss:
      return Read(record.loss());
    case v1::Record::kHealth:
      return Read(record.health());
    case v1::Record::kInterference:
      return Read(record.interference());
    case v1::Record::FACT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("record.fact: record ", record.sequence(), " has none that is known"));
}

const model::HostId& HostOf(const model::Fact& fact) {
  return std::visit([](const auto& value) -> const model::HostId& { return value.host; }, fact);
}

}  // namespace hoptrail::wire
