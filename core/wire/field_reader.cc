#include "core/wire/field_reader.h"

#include "absl/strings/str_cat.h"

#include "core/wire/limits.h"
#include "core/wire/resource_names.h"

namespace hoptrail::wire {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr size_t kMaxAddressBytes = 45;  // INET6_ADDRSTRLEN - 1

}  // namespace

void FieldReader::Fail(absl::string_view field, absl::string_view what) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(message_, ".", field, ": ", what));
}

void FieldReader::FailEnum(absl::string_view field, int value) {
  Fail(field, value == 0 ? std::string("must be set") : absl::StrCat("unknown value ", value));
}

template <typename Id>
Id FieldReader::Name(absl::string_view field, const std::string& name, Presence presence,
                     absl::StatusOr<Id> (*parse)(absl::string_view)) {
  if (name.empty() && presence == Presence::kOptional) return Id{};
  absl::StatusOr<Id> id = parse(name);
  if (id.ok()) return *id;
  Fail(field, id.status().message());
  return Id{};
}

model::HostId FieldReader::Host(absl::string_view field, const std::string& name,
                                Presence presence) {
  const model::HostId host = Name(field, name, presence, ParseHostName);
  if (!host.machine.empty() && host.boot.empty()) Fail(field, "the boot id is zero");
  return host;
}

model::SessionId FieldReader::Session(absl::string_view field, const std::string& name,
                                      Presence presence) {
  return Name(field, name, presence, ParseSessionName);
}

model::DetectionId FieldReader::Detection(absl::string_view field, const std::string& name) {
  return Name(field, name, Presence::kRequired, ParseDetectionName);
}

model::IncidentId FieldReader::Incident(absl::string_view field, const std::string& name,
                                        Presence presence) {
  return Name(field, name, presence, ParseIncidentName);
}

std::string FieldReader::Text(absl::string_view field, const std::string& value, size_t limit) {
  if (value.size() <= limit) return value;
  Fail(field, absl::StrCat(value.size(), " bytes long, at most ", limit, " are allowed"));
  return "";
}

bool FieldReader::AtMost(absl::string_view field, size_t size, size_t limit) {
  if (size <= limit) return true;
  Fail(field, absl::StrCat(size, " entries, at most ", limit, " are allowed"));
  return false;
}

uint64_t FieldReader::Count(absl::string_view field, uint64_t value) {
  if (value <= kMaxCount) return value;
  Fail(field, absl::StrCat("out of range: ", value));
  return 0;
}

uint16_t FieldReader::Port(absl::string_view field, uint32_t value) {
  if (value <= 65535) return static_cast<uint16_t>(value);
  Fail(field, absl::StrCat("not a port: ", value));
  return 0;
}

model::IpAddress FieldReader::Address(absl::string_view field, const std::string& value) {
  // inet_pton() stops at a NUL, so bytes after one would pass unchecked.
  if (value.size() <= kMaxAddressBytes && value.find('\0') == std::string::npos) {
    absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(value);
    if (address.ok()) return *address;
  }
  Fail(field, absl::StrCat("not an IP address: '", value.substr(0, 64), "'"));
  return {};
}

model::HopKey FieldReader::HopKey(absl::string_view field, const std::string& value) {
  if (value.empty()) return {};
  absl::StatusOr<model::HopKey> key = model::ParseHopKey(value);
  if (key.ok()) return *key;
  Fail(field, key.status().message());
  return {};
}

int64_t FieldReader::Time(absl::string_view field, const google::protobuf::Timestamp& value) {
  if (value.seconds() < 0 || value.seconds() > kMaxTimeSeconds || value.nanos() < 0 ||
      value.nanos() >= kNsPerSecond) {
    Fail(field, absl::StrCat("time out of range: ", value.seconds(), " s ", value.nanos(), " ns"));
    return 0;
  }
  return value.seconds() * kNsPerSecond + value.nanos();
}

model::Endpoint FieldReader::Endpoint(absl::string_view field, bool present,
                                      const v1::Endpoint& value) {
  if (!present) return {};
  model::Endpoint endpoint;
  endpoint.address = Address(absl::StrCat(field, ".address"), value.address());
  endpoint.port = Port(absl::StrCat(field, ".port"), value.port());
  return endpoint;
}

model::Flow FieldReader::Flow(absl::string_view field, const v1::Flow& value) {
  model::Flow flow;
  flow.client = Endpoint(absl::StrCat(field, ".client"), value.has_client(), value.client());
  flow.server = Endpoint(absl::StrCat(field, ".server"), value.has_server(), value.server());
  return flow;
}

model::ProcessKey FieldReader::Process(absl::string_view field, const v1::Process& value) {
  return {value.tgid(), Count(absl::StrCat(field, ".start_boot_ns"), value.start_boot_ns())};
}

}  // namespace hoptrail::wire
