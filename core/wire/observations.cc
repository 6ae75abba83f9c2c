#include "core/wire/observations.h"

#include "absl/strings/str_cat.h"

#include "core/wire/field_reader.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/text.h"
#include "core/wire/values.h"

namespace hoptrail::wire {

v1::LoginAttempt ToProto(const model::LoginAttempt& in) {
  v1::LoginAttempt out;
  out.set_host(ResourceName(in.host));
  out.set_session(ResourceName(in.session));
  out.set_user(CleanText(in.user, kMaxNameBytes));
  out.set_service(CleanText(in.service, kMaxNameBytes));
  if (in.origin != model::Endpoint{}) *out.mutable_origin() = ToProto(in.origin);
  out.set_method(ToProto(in.method));
  out.set_succeeded(in.succeeded);
  if (in.wall_ns > 0) *out.mutable_time() = TimeToProto(in.wall_ns);
  return out;
}

absl::StatusOr<model::LoginAttempt> FromProto(const v1::LoginAttempt& in) {
  FieldReader read("login_attempt");
  model::LoginAttempt out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.session = read.Session("session", in.session(), Presence::kOptional);
  out.user = read.Text("user", in.user(), kMaxNameBytes);
  out.service = read.Text("service", in.service(), kMaxNameBytes);
  out.origin = read.Endpoint("origin", in.has_origin(), in.origin());
  out.method = read.Enum("method", in.method(), model::AuthMethod::kNone, Presence::kOptional);
  out.succeeded = in.succeeded();
  out.wall_ns = read.Time("time", in.time());
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Edge ToProto(const model::EdgeCount& in) {
  v1::Edge out;
  out.set_host(ResourceName(in.host));
  out.set_side(ToProto(in.side));
  out.set_program(CleanText(in.program, kMaxPathBytes));
  out.set_uid(in.uid);
  out.set_peer(model::ToString(in.peer));
  out.set_server_port(in.server_port);
  if (in.minute_wall_ns > 0) *out.mutable_minute() = TimeToProto(in.minute_wall_ns);
  out.set_connections(in.connections);
  out.set_failures(in.failures);
  out.set_bytes_sent(CountToProto(in.bytes_sent));
  out.set_bytes_received(CountToProto(in.bytes_received));
  out.set_protocol(in.protocol);
  return out;
}

absl::StatusOr<model::EdgeCount> FromProto(const v1::Edge& in) {
  FieldReader read("edge");
  model::EdgeCount out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.side = read.Enum("side", in.side(), model::HopSide::kServer, Presence::kRequired);
  out.program = read.Text("program", in.program(), kMaxPathBytes);
  out.uid = in.uid();
  out.peer = read.Address("peer", in.peer());
  out.server_port = read.Port("server_port", in.server_port());
  out.minute_wall_ns = read.Time("minute", in.minute());
  out.connections = in.connections();
  out.failures = in.failures();
  out.bytes_sent = read.Count("bytes_sent", in.bytes_sent());
  out.bytes_received = read.Count("bytes_received", in.bytes_received());
  if (in.protocol() > 255) read.Fail("protocol", absl::StrCat("not a protocol: ", in.protocol()));
  if (in.protocol() != 0) out.protocol = static_cast<uint8_t>(in.protocol());
  if (!read.status().ok()) return read.status();
  return out;
}

}  // namespace hoptrail::wire
