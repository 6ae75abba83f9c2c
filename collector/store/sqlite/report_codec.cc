#include "collector/store/sqlite/report_codec.h"

#include <string>
#include <vector>

#include "collector/store/sqlite/stored_values.h"
#include <hoptrail/internal/store.pb.h>

namespace hoptrail::collector::store {
namespace {

using store::ToStored;
using namespace hoptrail::internal;  // NOLINT(google-build-using-namespace): the stored messages

// Fields are in the order of the message. FromStored checks what it reads through `read`.

StoredDegradation ToStored(const model::Degradation& in) {
  StoredDegradation out;
  out.set_kind(static_cast<uint32_t>(in.kind));
  out.set_detail(in.detail);
  out.set_since_wall_ns(in.since_wall_ns);
  return out;
}

model::Degradation FromStored(const StoredDegradation& in, StoredValues& read) {
  return {.kind = read.Enum(in.kind(), model::DegradationKind::kHostNameShared),
          .detail = in.detail(),
          .since_wall_ns = in.since_wall_ns()};
}

StoredLoginAttempt ToStored(const model::LoginAttempt& in) {
  StoredLoginAttempt out;
  out.set_host(Bytes(in.host));
  if (!in.session.empty()) out.set_session(Bytes(in.session));
  out.set_user(in.user);
  out.set_service(in.service);
  *out.mutable_origin() = ToStored(in.origin);
  out.set_method(static_cast<uint32_t>(in.method));
  out.set_succeeded(in.succeeded);
  out.set_wall_ns(in.wall_ns);
  return out;
}

StoredLoss ToStored(const model::Loss& in) {
  StoredLoss out;
  out.set_host(Bytes(in.host));
  out.set_where(in.where);
  out.set_type(in.type);
  out.set_cpu(in.cpu);
  out.set_count(in.count);
  out.set_from_wall_ns(in.from_wall_ns);
  out.set_until_wall_ns(in.until_wall_ns);
  return out;
}

model::Loss FromStored(const StoredLoss& in, StoredValues& read) {
  return {.host = read.Host(in.host()),
          .where = in.where(),
          .type = in.type(),
          .cpu = in.cpu(),
          .count = in.count(),
          .from_wall_ns = in.from_wall_ns(),
          .until_wall_ns = in.until_wall_ns()};
}

StoredCoverage ToStored(const model::Coverage& in) {
  StoredCoverage out;
  out.set_host(Bytes(in.host));
  out.set_kernel_release(in.kernel_release);
  for (const model::SourceCoverage& source : in.sources) {
    StoredSourceCoverage* added = out.add_sources();
    added->set_source(source.source);
    added->set_hook(source.hook);
    added->set_tier(source.tier);
    for (const std::string& refusal : source.refusals) added->add_refusals(refusal);
    for (const std::string& miss : source.misses) added->add_misses(miss);
  }
  return out;
}

model::Coverage FromStored(const StoredCoverage& in, StoredValues& read) {
  model::Coverage out;
  out.host = read.Host(in.host());
  out.kernel_release = in.kernel_release();
  for (const StoredSourceCoverage& source : in.sources()) {
    out.sources.push_back({.source = source.source(),
                           .hook = source.hook(),
                           .tier = source.tier(),
                           .refusals = {source.refusals().begin(), source.refusals().end()},
                           .misses = {source.misses().begin(), source.misses().end()}});
  }
  return out;
}

StoredDegradations ToStored(const std::vector<model::Degradation>& in) {
  StoredDegradations out;
  for (const model::Degradation& each : in) *out.add_degradations() = ToStored(each);
  return out;
}

std::vector<model::Degradation> FromStored(const StoredDegradations& in, StoredValues& read) {
  std::vector<model::Degradation> out;
  for (const StoredDegradation& each : in.degradations()) out.push_back(FromStored(each, read));
  return out;
}

StoredHealth ToStored(const model::AgentHealth& in) {
  StoredHealth out;
  out.set_host(Bytes(in.host));
  out.set_host_name(in.host_name);
  out.set_agent_version(in.agent_version);
  out.set_started_wall_ns(in.started_wall_ns);
  out.set_wall_ns(in.wall_ns);
  out.set_events(in.events);
  out.set_lost(in.lost);
  out.set_spooled(in.spooled);
  out.set_resident_bytes(in.resident_bytes);
  for (const model::IpAddress& address : in.addresses) out.add_addresses(Bytes(address));
  *out.mutable_degradations() = ToStored(in.degradations);
  return out;
}

model::AgentHealth FromStored(const StoredHealth& in, StoredValues& read) {
  model::AgentHealth out;
  out.host = read.Host(in.host());
  out.host_name = in.host_name();
  out.agent_version = in.agent_version();
  out.started_wall_ns = in.started_wall_ns();
  out.wall_ns = in.wall_ns();
  out.events = in.events();
  out.lost = in.lost();
  out.spooled = in.spooled();
  out.resident_bytes = in.resident_bytes();
  for (const std::string& address : in.addresses()) out.addresses.push_back(read.Address(address));
  out.degradations = FromStored(in.degradations(), read);
  return out;
}

}  // namespace

std::string Encode(const model::LoginAttempt& attempt) {
  return ToStored(attempt).SerializeAsString();
}
std::string Encode(const model::Coverage& coverage) {
  return ToStored(coverage).SerializeAsString();
}
std::string Encode(const model::Loss& loss) { return ToStored(loss).SerializeAsString(); }
std::string Encode(const model::AgentHealth& health) {
  return ToStored(health).SerializeAsString();
}
std::string Encode(const std::vector<model::Degradation>& degradations) {
  return ToStored(degradations).SerializeAsString();
}

absl::StatusOr<model::Coverage> DecodeCoverage(absl::string_view data) {
  return DecodeMessage<StoredCoverage>(data, FromStored);
}
absl::StatusOr<model::Loss> DecodeLoss(absl::string_view data) {
  return DecodeMessage<StoredLoss>(data, FromStored);
}
absl::StatusOr<model::AgentHealth> DecodeHealth(absl::string_view data) {
  return DecodeMessage<StoredHealth>(data, FromStored);
}
absl::StatusOr<std::vector<model::Degradation>> DecodeDegradations(absl::string_view data) {
  return DecodeMessage<StoredDegradations>(data, FromStored);
}

}  // namespace hoptrail::collector::store
