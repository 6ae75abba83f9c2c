#include "core/wire/graph.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "core/wire/field_reader.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/text.h"
#include "core/wire/values.h"

namespace hoptrail::wire {
namespace {

v1::Authentication AuthenticationToProto(const model::Authentication& in) {
  v1::Authentication out;
  out.set_method(ToProto(in.method));
  out.set_user(CleanText(in.user, kMaxNameBytes));
  out.set_service(CleanText(in.service, kMaxNameBytes));
  out.set_remote_host(CleanText(in.remote_host, kMaxNameBytes));
  out.set_key_type(CleanText(in.key_type, kMaxNameBytes));
  out.set_key_fingerprint(CleanText(in.key_fingerprint, kMaxNameBytes));
  out.set_certificate_id(CleanText(in.certificate_id, kMaxNameBytes));
  out.set_verified(in.verified);
  return out;
}

model::Authentication ReadAuthentication(const v1::Authentication& in, FieldReader& read) {
  model::Authentication out;
  out.method = read.Enum("authentication.method", in.method(), model::AuthMethod::kNone,
                         Presence::kOptional);
  out.user = read.Text("authentication.user", in.user(), kMaxNameBytes);
  out.service = read.Text("authentication.service", in.service(), kMaxNameBytes);
  out.remote_host = read.Text("authentication.remote_host", in.remote_host(), kMaxNameBytes);
  out.key_type = read.Text("authentication.key_type", in.key_type(), kMaxNameBytes);
  out.key_fingerprint =
      read.Text("authentication.key_fingerprint", in.key_fingerprint(), kMaxNameBytes);
  out.certificate_id =
      read.Text("authentication.certificate_id", in.certificate_id(), kMaxNameBytes);
  out.verified = in.verified();
  return out;
}

std::string HopKeyText(const model::HopKey& key) { return key.empty() ? "" : model::ToString(key); }

template <typename Message>
void DriversToProto(const model::Drivers& in, Message& out) {
  for (const model::Driver& driver : in) {
    v1::Driver* each = out.add_drivers();
    each->set_hop_key(HopKeyText(driver.hop_key));
    each->set_session(ResourceName(driver.session));
    each->set_method(CleanText(driver.method, kMaxNameBytes));
    each->set_probability(driver.probability);
    each->set_later(driver.later);
  }
}

template <typename Message>
model::Drivers ReadDrivers(const Message& in, FieldReader& read) {
  model::Drivers out;
  if (static_cast<size_t>(in.drivers_size()) > model::kMaxDrivers) {
    read.Fail("drivers", absl::StrCat(in.drivers_size(), ", more than ", model::kMaxDrivers));
    return out;
  }
  for (const v1::Driver& each : in.drivers()) {
    model::Driver driver;
    driver.hop_key = read.HopKey("drivers.hop_key", each.hop_key());
    driver.session = read.Session("drivers.session", each.session(), Presence::kOptional);
    driver.method = read.Text("drivers.method", each.method(), kMaxNameBytes);
    driver.probability = each.probability();
    driver.later = each.later();
    if (driver.hop_key.empty() == driver.session.empty()) {
      read.Fail("drivers", "needs either hop_key or session");
    }
    // Written so that not-a-number fails too.
    if (!(driver.probability > 0 && driver.probability <= 1)) {
      read.Fail("drivers.probability", "not above 0 and at most 1");
    }
    out.push_back(std::move(driver));
  }
  return out;
}

}  // namespace

v1::Session ToProto(const model::Session& in) {
  v1::Session out;
  out.set_name(ResourceName(in.id));
  out.set_host(ResourceName(in.host));
  *out.mutable_first_process() = ToProto(in.first_process);
  out.set_kind(ToProto(in.kind));
  out.set_logged_in(in.logged_in);
  out.set_uid(in.uid);
  out.set_user(CleanText(in.user, kMaxNameBytes));
  out.set_login_uid(in.login_uid);
  out.set_audit_session(in.audit_session);
  if (in.entry.has_value()) {
    *out.mutable_entry_flow() = ToProto(in.entry->flow);
    out.set_entry_hop_key(HopKeyText(in.entry->hop_key));
    out.set_accepted_boot_ns(CountToProto(in.entry->accepted_boot_ns));
  }
  if (in.authentication != model::Authentication{}) {
    *out.mutable_authentication() = AuthenticationToProto(in.authentication);
  }
  out.set_program(CleanText(in.program, kMaxPathBytes));
  out.set_unit(CleanText(in.unit, kMaxNameBytes));
  out.set_terminal(CleanText(in.terminal, kMaxNameBytes));
  out.set_caused_by(ResourceName(in.caused_by));
  if (in.opened_wall_ns > 0) *out.mutable_open_time() = TimeToProto(in.opened_wall_ns);
  out.set_open_boot_ns(CountToProto(in.opened_boot_ns));
  if (in.login_ended_wall_ns > 0) {
    *out.mutable_login_end_time() = TimeToProto(in.login_ended_wall_ns);
  }
  if (in.closed_wall_ns > 0) *out.mutable_close_time() = TimeToProto(in.closed_wall_ns);
  DriversToProto(in.drivers, out);
  out.set_drives(ResourceName(in.drives));
  return out;
}

absl::StatusOr<model::Session> FromProto(const v1::Session& in) {
  FieldReader read("session");
  model::Session out;
  out.id = read.Session("name", in.name(), Presence::kRequired);
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.first_process = read.Process("first_process", in.first_process());
  out.kind = read.Enum("kind", in.kind(), model::EntryKind::kCron, Presence::kOptional);
  out.logged_in = in.logged_in();
  out.uid = in.uid();
  out.user = read.Text("user", in.user(), kMaxNameBytes);
  out.login_uid = in.login_uid();
  out.audit_session = in.audit_session();
  if (in.has_entry_flow()) {
    out.entry.emplace();
    out.entry->flow = read.Flow("entry_flow", in.entry_flow());
    out.entry->hop_key = read.HopKey("entry_hop_key", in.entry_hop_key());
    out.entry->accepted_boot_ns = read.Count("accepted_boot_ns", in.accepted_boot_ns());
  } else if (!in.entry_hop_key().empty() || in.accepted_boot_ns() != 0) {
    read.Fail("entry_flow", "must be set beside entry_hop_key and accepted_boot_ns");
  }
  out.authentication = ReadAuthentication(in.authentication(), read);
  out.program = read.Text("program", in.program(), kMaxPathBytes);
  out.unit = read.Text("unit", in.unit(), kMaxNameBytes);
  out.terminal = read.Text("terminal", in.terminal(), kMaxNameBytes);
  out.caused_by = read.Session("caused_by", in.caused_by(), Presence::kOptional);
  out.opened_wall_ns = read.Time("open_time", in.open_time());
  out.opened_boot_ns = read.Count("open_boot_ns", in.open_boot_ns());
  out.login_ended_wall_ns = read.Time("login_end_time", in.login_end_time());
  out.closed_wall_ns = read.Time("close_time", in.close_time());
  out.drivers = ReadDrivers(in, read);
  out.drives = read.Session("drives", in.drives(), Presence::kOptional);
  if (!read.status().ok()) return read.status();
  return out;
}

v1::HopEnd ToProto(const model::HopEnd& in) {
  v1::HopEnd out;
  out.set_side(ToProto(in.side));
  out.set_host(ResourceName(in.host));
  out.set_session(ResourceName(in.session));
  out.set_opened_session(in.opened_session);
  *out.mutable_process() = ToProto(in.process);
  out.set_program(CleanText(in.program, kMaxPathBytes));
  out.set_uid(in.uid);
  out.set_user(CleanText(in.user, kMaxNameBytes));
  out.set_hop_key(HopKeyText(in.hop_key));
  *out.mutable_flow() = ToProto(in.flow);
  out.set_network_namespace(in.network_namespace);
  out.set_established_boot_ns(CountToProto(in.established_boot_ns));
  if (in.established_wall_ns > 0) {
    *out.mutable_establish_time() = TimeToProto(in.established_wall_ns);
  }
  out.set_rtt_us(in.rtt_us);
  out.set_bytes_sent(CountToProto(in.bytes_sent));
  out.set_bytes_received(CountToProto(in.bytes_received));
  if (in.closed_wall_ns > 0) *out.mutable_close_time() = TimeToProto(in.closed_wall_ns);
  DriversToProto(in.drivers, out);
  out.set_drives(in.drives);
  return out;
}

absl::StatusOr<model::HopEnd> FromProto(const v1::HopEnd& in) {
  FieldReader read("hop_end");
  model::HopEnd out;
  out.side = read.Enum("side", in.side(), model::HopSide::kServer, Presence::kRequired);
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.session = read.Session("session", in.session(), Presence::kOptional);
  out.opened_session = in.opened_session();
  out.process = read.Process("process", in.process());
  out.program = read.Text("program", in.program(), kMaxPathBytes);
  out.uid = in.uid();
  out.user = read.Text("user", in.user(), kMaxNameBytes);
  out.hop_key = read.HopKey("hop_key", in.hop_key());
  out.flow = read.Flow("flow", in.flow());
  out.network_namespace = in.network_namespace();
  out.established_boot_ns = read.Count("established_boot_ns", in.established_boot_ns());
  out.established_wall_ns = read.Time("establish_time", in.establish_time());
  out.rtt_us = in.rtt_us();
  out.bytes_sent = read.Count("bytes_sent", in.bytes_sent());
  out.bytes_received = read.Count("bytes_received", in.bytes_received());
  out.closed_wall_ns = read.Time("close_time", in.close_time());
  out.drivers = ReadDrivers(in, read);
  out.drives = in.drives();
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Hop ToProto(const model::Hop& in) {
  v1::Hop out;
  if (in.client.has_value()) *out.mutable_client() = ToProto(*in.client);
  if (in.server.has_value()) *out.mutable_server() = ToProto(*in.server);
  out.set_proof(ToProto(in.proof));
  out.set_probability(in.probability);
  out.set_contradiction(ToProto(in.contradiction));
  return out;
}

absl::StatusOr<model::Hop> FromProto(const v1::Hop& in) {
  FieldReader read("hop");
  model::Hop out;
  if (in.has_client()) out.client = read.Nested(FromProto(in.client()));
  if (in.has_server()) out.server = read.Nested(FromProto(in.server()));
  out.proof = read.Enum("proof", in.proof(), model::Proof::kInferred, Presence::kOptional);
  // Written so that not-a-number fails too.
  if (!(in.probability() >= 0 && in.probability() <= 1)) {
    read.Fail("probability", "not between 0 and 1");
  }
  out.probability = in.probability();
  out.contradiction = read.Enum("contradiction", in.contradiction(), model::Contradiction::kRival,
                                Presence::kOptional);
  if (!read.status().ok()) return read.status();
  return out;
}

}  // namespace hoptrail::wire
