#include "collector/store/sqlite/session_codec.h"

#include <string>

#include "collector/store/sqlite/stored_values.h"
#include <hoptrail/internal/store.pb.h>

namespace hoptrail::collector::store {
namespace {

using store::FromStored;
using store::ToStored;
using namespace hoptrail::internal;  // NOLINT(google-build-using-namespace): the stored messages

// Fields are in the order of the message. FromStored checks what it reads through `read`.

template <typename Message>
void StoreDrivers(const model::Drivers& in, Message& out) {
  for (const model::Driver& driver : in) {
    StoredDriver* stored = out.add_drivers();
    stored->set_hop_key(driver.hop_key.value());
    if (!driver.session.empty()) stored->set_session(Bytes(driver.session));
    stored->set_method(driver.method);
    stored->set_probability(driver.probability);
    stored->set_later(driver.later);
  }
}

template <typename Message>
model::Drivers DriversFrom(const Message& in, StoredValues& read) {
  model::Drivers out;
  for (const StoredDriver& stored : in.drivers()) {
    // NaN must fail, too.
    if (!(stored.probability() > 0 && stored.probability() <= 1)) read.Fail();
    out.push_back({.hop_key = HopKeyOf(stored.hop_key()),
                   .session = read.IdOrNone<model::SessionId>(stored.session()),
                   .method = stored.method(),
                   .probability = stored.probability(),
                   .later = stored.later()});
  }
  return out;
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
  StoreDrivers(in.drivers, out);
  if (!in.drives.empty()) out.set_drives(Bytes(in.drives));
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
  out.drivers = DriversFrom(in, read);
  out.drives = read.IdOrNone<model::SessionId>(in.drives());
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
  StoreDrivers(in.drivers, out);
  out.set_drives(in.drives);
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
  out.drivers = DriversFrom(in, read);
  out.drives = in.drives();
  return out;
}

internal::StoredHop ToStored(const model::Hop& in) {
  internal::StoredHop out;
  if (in.client.has_value()) *out.mutable_client() = ToStored(*in.client);
  if (in.server.has_value()) *out.mutable_server() = ToStored(*in.server);
  out.set_proof(static_cast<uint32_t>(in.proof));
  out.set_probability(in.probability);
  out.set_contradiction(static_cast<uint32_t>(in.contradiction));
  return out;
}

model::Hop FromStored(const internal::StoredHop& in, StoredValues& read) {
  model::Hop out;
  if (in.has_client()) out.client = FromStored(in.client(), read);
  if (in.has_server()) out.server = FromStored(in.server(), read);
  out.proof = read.Enum(in.proof(), model::Proof::kInferred);
  // NaN must fail, too.
  if (!(in.probability() >= 0 && in.probability() <= 1)) read.Fail();
  out.probability = in.probability();
  out.contradiction = read.Enum(in.contradiction(), model::Contradiction::kRival);
  return out;
}

}  // namespace

std::string Encode(const model::Session& session) { return ToStored(session).SerializeAsString(); }
std::string Encode(const model::Hop& hop) { return ToStored(hop).SerializeAsString(); }

absl::StatusOr<model::Session> DecodeSession(absl::string_view data) {
  return DecodeMessage<StoredSession>(data, FromStored);
}
absl::StatusOr<model::Hop> DecodeHop(absl::string_view data) {
  return DecodeMessage<internal::StoredHop>(data, FromStored);
}

}  // namespace hoptrail::collector::store
