#include "core/wire/values.h"

#include <algorithm>

#include "core/wire/limits.h"

namespace hoptrail::wire {
namespace {

// FieldReader::Enum and ToProto below cast, which is right only while the numbers agree.
template <typename Model, typename Proto>
constexpr bool Same(Model a, Proto b) {
  return static_cast<int>(a) == static_cast<int>(b);
}
static_assert(Same(model::EntryKind::kRemote, v1::REMOTE));
static_assert(Same(model::EntryKind::kConsole, v1::CONSOLE));
static_assert(Same(model::EntryKind::kService, v1::SERVICE));
static_assert(Same(model::EntryKind::kContainer, v1::CONTAINER));
static_assert(Same(model::EntryKind::kCron, v1::CRON));
static_assert(Same(model::EntryKind::kCron, v1::EntryKind_MAX));
static_assert(Same(model::AuthMethod::kPassword, v1::PASSWORD));
static_assert(Same(model::AuthMethod::kPublicKey, v1::PUBLIC_KEY));
static_assert(Same(model::AuthMethod::kKeyboardInteractive, v1::KEYBOARD_INTERACTIVE));
static_assert(Same(model::AuthMethod::kHostBased, v1::HOST_BASED));
static_assert(Same(model::AuthMethod::kGssapi, v1::GSSAPI));
static_assert(Same(model::AuthMethod::kCertificate, v1::CERTIFICATE));
static_assert(Same(model::AuthMethod::kNone, v1::NONE));
static_assert(Same(model::AuthMethod::kNone, v1::AuthMethod_MAX));
static_assert(Same(model::HopSide::kClient, v1::CLIENT));
static_assert(Same(model::HopSide::kServer, v1::SERVER));
static_assert(Same(model::HopSide::kServer, v1::HopSide_MAX));
static_assert(Same(model::Proof::kProven, v1::PROVEN));
static_assert(Same(model::Proof::kInferred, v1::INFERRED));
static_assert(Same(model::Proof::kInferred, v1::Proof_MAX));
static_assert(Same(model::Contradiction::kBytes, v1::CONTRADICTING_BYTES));
static_assert(Same(model::Contradiction::kTime, v1::CONTRADICTING_TIMES));
static_assert(Same(model::Contradiction::kRival, v1::RIVAL_CLAIM));
static_assert(Same(model::Contradiction::kRival, v1::Contradiction_MAX));
static_assert(Same(model::Severity::kInfo, v1::INFO));
static_assert(Same(model::Severity::kLow, v1::LOW));
static_assert(Same(model::Severity::kMedium, v1::MEDIUM));
static_assert(Same(model::Severity::kHigh, v1::HIGH));
static_assert(Same(model::Severity::kCritical, v1::CRITICAL));
static_assert(Same(model::Severity::kCritical, v1::Severity_MAX));
static_assert(Same(model::IncidentState::kOpen, v1::OPEN));
static_assert(Same(model::IncidentState::kAcknowledged, v1::ACKNOWLEDGED));
static_assert(Same(model::IncidentState::kResolved, v1::RESOLVED));
static_assert(Same(model::IncidentState::kResolved, v1::IncidentState_MAX));

}  // namespace

v1::EntryKind ToProto(model::EntryKind kind) { return static_cast<v1::EntryKind>(kind); }
v1::AuthMethod ToProto(model::AuthMethod method) { return static_cast<v1::AuthMethod>(method); }
v1::HopSide ToProto(model::HopSide side) { return static_cast<v1::HopSide>(side); }
v1::Contradiction ToProto(model::Contradiction contradiction) {
  return static_cast<v1::Contradiction>(contradiction);
}
v1::Proof ToProto(model::Proof proof) { return static_cast<v1::Proof>(proof); }
v1::Severity ToProto(model::Severity severity) { return static_cast<v1::Severity>(severity); }
v1::IncidentState ToProto(model::IncidentState state) {
  return static_cast<v1::IncidentState>(state);
}

v1::Endpoint ToProto(const model::Endpoint& endpoint) {
  v1::Endpoint out;
  out.set_address(model::ToString(endpoint.address));
  out.set_port(endpoint.port);
  return out;
}

v1::Flow ToProto(const model::Flow& flow) {
  v1::Flow out;
  if (flow.client != model::Endpoint{}) *out.mutable_client() = ToProto(flow.client);
  if (flow.server != model::Endpoint{}) *out.mutable_server() = ToProto(flow.server);
  return out;
}

v1::Process ToProto(const model::ProcessKey& process) {
  v1::Process out;
  out.set_tgid(process.tgid);
  out.set_start_boot_ns(CountToProto(process.start_boot_ns));
  return out;
}

uint64_t CountToProto(uint64_t count) { return std::min(count, kMaxCount); }

google::protobuf::Timestamp TimeToProto(int64_t wall_ns) {
  const int64_t known = std::clamp<int64_t>(wall_ns, 0, kMaxTimeSeconds * 1'000'000'000);
  google::protobuf::Timestamp out;
  out.set_seconds(known / 1'000'000'000);
  out.set_nanos(static_cast<int32_t>(known % 1'000'000'000));
  return out;
}

}  // namespace hoptrail::wire
