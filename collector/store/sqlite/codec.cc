#include "collector/store/sqlite/codec.h"

#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/stored_values.h"
#include <hoptrail/internal/store.pb.h>

namespace hoptrail::collector::store {
namespace {

using store::FromStored;
using store::ToStored;
using namespace hoptrail::internal;  // NOLINT(google-build-using-namespace): the stored messages

// Every field in the order of the message. What FromStored reads is checked by `read`.

StoredDegradation ToStored(const model::Degradation& in) {
  StoredDegradation out;
  out.set_kind(static_cast<uint32_t>(in.kind));
  out.set_detail(in.detail);
  out.set_since_wall_ns(in.since_wall_ns);
  return out;
}

model::Degradation FromStored(const StoredDegradation& in, StoredValues& read) {
  return {.kind = read.Enum(in.kind(), model::DegradationKind::kLosingRecords),
          .detail = in.detail(),
          .since_wall_ns = in.since_wall_ns()};
}

StoredSession ToStored(const model::Session& in) {
  StoredSession out;
  out.set_id(Bytes(in.id));
  out.set_host(Bytes(in.host));
  *out.mutable_first_process() = ToStored(in.first_process);
  out.set_kind(static_cast<uint32_t>(in.kind));
  out.set_logged_in(in.logged_in);
  out.set_uid(in.uid);
  out.set_user(in.user);
  out.set_login_uid(in.login_uid);
  out.set_audit_session(in.audit_session);
  if (in.entry.has_value()) {
    out.mutable_entry()->set_hop_key(in.entry->hop_key.value());
    *out.mutable_entry()->mutable_flow() = ToStored(in.entry->flow);
    out.mutable_entry()->set_accepted_boot_ns(in.entry->accepted_boot_ns);
  }
  StoredAuthentication* login = out.mutable_authentication();
  login->set_method(static_cast<uint32_t>(in.authentication.method));
  login->set_user(in.authentication.user);
  login->set_service(in.authentication.service);
  login->set_remote_host(in.authentication.remote_host);
  login->set_key_type(in.authentication.key_type);
  login->set_key_fingerprint(in.authentication.key_fingerprint);
  login->set_certificate_id(in.authentication.certificate_id);
  login->set_verified(in.authentication.verified);
  out.set_program(in.program);
  out.set_unit(in.unit);
  out.set_terminal(in.terminal);
  if (!in.caused_by.empty()) out.set_caused_by(Bytes(in.caused_by));
  out.set_opened_boot_ns(in.opened_boot_ns);
  out.set_opened_wall_ns(in.opened_wall_ns);
  out.set_login_ended_wall_ns(in.login_ended_wall_ns);
  out.set_closed_wall_ns(in.closed_wall_ns);
  return out;
}

model::Session FromStored(const StoredSession& in, StoredValues& read) {
  model::Session out;
  out.id = read.Id<model::SessionId>(in.id());
  out.host = read.Host(in.host());
  out.first_process = FromStored(in.first_process());
  out.kind = read.Enum(in.kind(), model::EntryKind::kCron);
  out.logged_in = in.logged_in();
  out.uid = in.uid();
  out.user = in.user();
  out.login_uid = in.login_uid();
  out.audit_session = in.audit_session();
  if (in.has_entry()) {
    out.entry.emplace();
    out.entry->hop_key = HopKeyOf(in.entry().hop_key());
    out.entry->flow = read.Flow(in.entry().flow());
    out.entry->accepted_boot_ns = in.entry().accepted_boot_ns();
  }
  const StoredAuthentication& login = in.authentication();
  out.authentication = {.method = read.Enum(login.method(), model::AuthMethod::kNone),
                        .user = login.user(),
                        .service = login.service(),
                        .remote_host = login.remote_host(),
                        .key_type = login.key_type(),
                        .key_fingerprint = login.key_fingerprint(),
                        .certificate_id = login.certificate_id(),
                        .verified = login.verified()};
  out.program = in.program();
  out.unit = in.unit();
  out.terminal = in.terminal();
  out.caused_by = read.IdOrNone<model::SessionId>(in.caused_by());
  out.opened_boot_ns = in.opened_boot_ns();
  out.opened_wall_ns = in.opened_wall_ns();
  out.login_ended_wall_ns = in.login_ended_wall_ns();
  out.closed_wall_ns = in.closed_wall_ns();
  return out;
}

StoredHopEnd ToStored(const model::HopEnd& in) {
  StoredHopEnd out;
  out.set_side(static_cast<uint32_t>(in.side));
  out.set_host(Bytes(in.host));
  if (!in.session.empty()) out.set_session(Bytes(in.session));
  out.set_opened_session(in.opened_session);
  *out.mutable_process() = ToStored(in.process);
  out.set_program(in.program);
  out.set_uid(in.uid);
  out.set_user(in.user);
  out.set_hop_key(in.hop_key.value());
  *out.mutable_flow() = ToStored(in.flow);
  out.set_network_namespace(in.network_namespace);
  out.set_established_boot_ns(in.established_boot_ns);
  out.set_established_wall_ns(in.established_wall_ns);
  out.set_rtt_us(in.rtt_us);
  out.set_bytes_sent(in.bytes_sent);
  out.set_bytes_received(in.bytes_received);
  out.set_closed_wall_ns(in.closed_wall_ns);
  return out;
}

model::HopEnd FromStored(const StoredHopEnd& in, StoredValues& read) {
  model::HopEnd out;
  out.side = read.Enum(in.side(), model::HopSide::kServer);
  out.host = read.Host(in.host());
  out.session = read.IdOrNone<model::SessionId>(in.session());
  out.opened_session = in.opened_session();
  out.process = FromStored(in.process());
  out.program = in.program();
  out.uid = in.uid();
  out.user = in.user();
  out.hop_key = HopKeyOf(in.hop_key());
  out.flow = read.Flow(in.flow());
  out.network_namespace = in.network_namespace();
  out.established_boot_ns = in.established_boot_ns();
  out.established_wall_ns = in.established_wall_ns();
  out.rtt_us = in.rtt_us();
  out.bytes_sent = in.bytes_sent();
  out.bytes_received = in.bytes_received();
  out.closed_wall_ns = in.closed_wall_ns();
  return out;
}

internal::StoredHop ToStored(const model::Hop& in) {
  internal::StoredHop out;
  if (in.client.has_value()) *out.mutable_client() = ToStored(*in.client);
  if (in.server.has_value()) *out.mutable_server() = ToStored(*in.server);
  out.set_proof(static_cast<uint32_t>(in.proof));
  out.set_probability(in.probability);
  return out;
}

model::Hop FromStored(const internal::StoredHop& in, StoredValues& read) {
  model::Hop out;
  if (in.has_client()) out.client = FromStored(in.client(), read);
  if (in.has_server()) out.server = FromStored(in.server(), read);
  out.proof = read.Enum(in.proof(), model::Proof::kInferred);
  // Written so that not-a-number fails too.
  if (!(in.probability() >= 0 && in.probability() <= 1)) read.Fail();
  out.probability = in.probability();
  return out;
}

StoredDetection ToStored(const model::Detection& in) {
  StoredDetection out;
  out.set_id(Bytes(in.id));
  out.set_rule(in.rule);
  out.set_title(in.title);
  for (const std::string& technique : in.techniques) out.add_techniques(technique);
  out.set_severity(static_cast<uint32_t>(in.severity));
  out.set_session(Bytes(in.session));
  out.set_host(Bytes(in.host));
  out.set_wall_ns(in.wall_ns);
  out.set_summary(in.summary);
  // In order of the names: equal detections must be equal bytes.
  for (const auto& [name, value] : in.evidence) {
    StoredEvidence* evidence = out.add_evidence();
    evidence->set_name(name);
    evidence->set_value(value);
  }
  return out;
}

model::Detection FromStored(const StoredDetection& in, StoredValues& read) {
  model::Detection out;
  out.id = read.Id<model::DetectionId>(in.id());
  out.rule = in.rule();
  out.title = in.title();
  out.techniques.assign(in.techniques().begin(), in.techniques().end());
  out.severity = read.Enum(in.severity(), model::Severity::kCritical);
  out.session = read.Id<model::SessionId>(in.session());
  out.host = read.Host(in.host());
  out.wall_ns = in.wall_ns();
  out.summary = in.summary();
  for (const StoredEvidence& each : in.evidence()) out.evidence[each.name()] = each.value();
  return out;
}

StoredIncident ToStored(const model::Incident& in) {
  StoredIncident out;
  out.set_id(Bytes(in.id));
  out.set_root(Bytes(in.root));
  out.set_state(static_cast<uint32_t>(in.state));
  out.set_severity(static_cast<uint32_t>(in.severity));
  out.set_title(in.title);
  for (const model::DetectionId& id : in.detections) out.add_detections(Bytes(id));
  for (const model::SessionId& id : in.sessions) out.add_sessions(Bytes(id));
  out.set_opened_wall_ns(in.opened_wall_ns);
  out.set_updated_wall_ns(in.updated_wall_ns);
  out.set_changed_by(in.changed_by);
  if (!in.merged_into.empty()) out.set_merged_into(Bytes(in.merged_into));
  return out;
}

model::Incident FromStored(const StoredIncident& in, StoredValues& read) {
  model::Incident out;
  out.id = read.Id<model::IncidentId>(in.id());
  out.root = read.Id<model::SessionId>(in.root());
  out.state = read.Enum(in.state(), model::IncidentState::kResolved);
  out.severity = read.Enum(in.severity(), model::Severity::kCritical);
  out.title = in.title();
  for (const std::string& id : in.detections()) {
    out.detections.push_back(read.Id<model::DetectionId>(id));
  }
  for (const std::string& id : in.sessions()) {
    out.sessions.push_back(read.Id<model::SessionId>(id));
  }
  out.opened_wall_ns = in.opened_wall_ns();
  out.updated_wall_ns = in.updated_wall_ns();
  out.changed_by = in.changed_by();
  out.merged_into = read.IdOrNone<model::IncidentId>(in.merged_into());
  return out;
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

template <typename Model>
std::string Serialize(const Model& value) {
  return ToStored(value).SerializeAsString();
}

// `Message` is what Serialize wrote for `Model`.
template <typename Model, typename Message>
absl::StatusOr<Model> Parse(absl::string_view data) {
  Message message;
  if (message.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    StoredValues read;
    Model value = FromStored(message, read);
    if (read.ok()) return value;
  }
  return absl::DataLossError(
      absl::StrCat("the store holds a damaged ", std::string(message.GetTypeName())));
}

}  // namespace

std::string Encode(const model::Session& session) { return Serialize(session); }
std::string Encode(const model::Hop& hop) { return Serialize(hop); }
std::string Encode(const model::Detection& detection) { return Serialize(detection); }
std::string Encode(const model::Incident& incident) { return Serialize(incident); }
std::string Encode(const model::LoginAttempt& attempt) { return Serialize(attempt); }
std::string Encode(const model::Coverage& coverage) { return Serialize(coverage); }
std::string Encode(const model::Loss& loss) { return Serialize(loss); }
std::string Encode(const model::AgentHealth& health) { return Serialize(health); }
std::string Encode(const std::vector<model::Degradation>& degradations) {
  return Serialize(degradations);
}

absl::StatusOr<model::Session> DecodeSession(absl::string_view data) {
  return Parse<model::Session, StoredSession>(data);
}
absl::StatusOr<model::Hop> DecodeHop(absl::string_view data) {
  return Parse<model::Hop, internal::StoredHop>(data);
}
absl::StatusOr<model::Detection> DecodeDetection(absl::string_view data) {
  return Parse<model::Detection, StoredDetection>(data);
}
absl::StatusOr<model::Incident> DecodeIncident(absl::string_view data) {
  return Parse<model::Incident, StoredIncident>(data);
}
absl::StatusOr<model::AgentHealth> DecodeHealth(absl::string_view data) {
  return Parse<model::AgentHealth, StoredHealth>(data);
}
absl::StatusOr<model::Coverage> DecodeCoverage(absl::string_view data) {
  return Parse<model::Coverage, StoredCoverage>(data);
}
absl::StatusOr<model::Loss> DecodeLoss(absl::string_view data) {
  return Parse<model::Loss, StoredLoss>(data);
}
absl::StatusOr<std::vector<model::Degradation>> DecodeDegradations(absl::string_view data) {
  return Parse<std::vector<model::Degradation>, StoredDegradations>(data);
}

}  // namespace hoptrail::collector::store
