#include "collector/store/sqlite/codec.h"

#include "absl/strings/str_cat.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "core/base/status_macros.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/sensor.h"
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::collector::store {
namespace {

template <typename Model>
std::string Serialize(const Model& value) {
  return wire::ToProto(value).SerializeAsString();
}

std::string SerializeInOrder(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// `Message` is what Serialize wrote for `Model`.
template <typename Model, typename Message>
absl::StatusOr<Model> Parse(absl::string_view data) {
  Message message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::DataLossError(
        absl::StrCat("the store holds a damaged ", std::string(message.GetTypeName())));
  }
  absl::StatusOr<Model> value = wire::FromProto(message);
  if (!value.ok()) {
    return absl::DataLossError(absl::StrCat("the store holds a damaged ",
                                            std::string(message.GetTypeName()), ": ",
                                            value.status().message()));
  }
  return value;
}

}  // namespace

std::string Encode(const model::Session& session) { return Serialize(session); }
std::string Encode(const model::Hop& hop) { return Serialize(hop); }
std::string Encode(const model::Incident& incident) { return Serialize(incident); }
std::string Encode(const model::LoginAttempt& attempt) { return Serialize(attempt); }
std::string Encode(const model::Coverage& coverage) { return Serialize(coverage); }
std::string Encode(const model::Loss& loss) { return Serialize(loss); }
std::string Encode(const model::AgentHealth& health) { return Serialize(health); }

std::string Encode(const std::vector<model::Degradation>& degradations) {
  v1::Host message;
  for (const model::Degradation& each : degradations) {
    *message.add_degradations() = wire::ToProto(each);
  }
  return message.SerializeAsString();
}

std::string Encode(const model::Detection& detection) {
  // A map's order is not fixed, and equal detections must be equal bytes.
  const v1::Detection message = wire::ToProto(detection);
  return SerializeInOrder(message);
}

absl::StatusOr<model::Session> DecodeSession(absl::string_view data) {
  return Parse<model::Session, v1::Session>(data);
}
absl::StatusOr<model::Hop> DecodeHop(absl::string_view data) {
  return Parse<model::Hop, v1::Hop>(data);
}
absl::StatusOr<model::Detection> DecodeDetection(absl::string_view data) {
  return Parse<model::Detection, v1::Detection>(data);
}
absl::StatusOr<model::Incident> DecodeIncident(absl::string_view data) {
  return Parse<model::Incident, v1::Incident>(data);
}

absl::StatusOr<model::AgentHealth> DecodeHealth(absl::string_view data) {
  return Parse<model::AgentHealth, v1::AgentHealth>(data);
}
absl::StatusOr<model::Coverage> DecodeCoverage(absl::string_view data) {
  return Parse<model::Coverage, v1::CoverageReport>(data);
}
absl::StatusOr<model::Loss> DecodeLoss(absl::string_view data) {
  return Parse<model::Loss, v1::LossReport>(data);
}

absl::StatusOr<std::vector<model::Degradation>> DecodeDegradations(absl::string_view data) {
  v1::Host message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::DataLossError("the store holds damaged degradations");
  }
  std::vector<model::Degradation> degradations;
  for (const v1::Degradation& each : message.degradations()) {
    HT_ASSIGN_OR_RETURN(model::Degradation degradation, wire::FromProto(each));
    degradations.push_back(std::move(degradation));
  }
  return degradations;
}

std::string Blob(const model::HostId& host) {
  std::string blob(Blob(host.machine));
  const absl::string_view boot = Blob(host.boot);
  blob.append(boot.data(), boot.size());
  return blob;
}

std::pair<std::string, std::string> BlobRange(const model::HostId& host) {
  if (!host.boot.empty()) return {Blob(host), Blob(host)};
  model::HostId last = host;
  last.boot.bytes.fill(0xff);
  return {Blob(host), Blob(last)};
}

absl::string_view Blob(const model::IpAddress& address) {
  return absl::string_view(reinterpret_cast<const char*>(address.bytes.data()),
                           address.bytes.size());
}

model::HostId HostFrom(absl::string_view blob) {
  if (blob.size() != 32) return model::HostId();
  return {IdFrom<model::MachineId>(blob.substr(0, 16)), IdFrom<model::BootId>(blob.substr(16))};
}

}  // namespace hoptrail::collector::store
