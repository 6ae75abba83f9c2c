#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_

// Values as the bytes of the store's columns: ids and addresses as blobs (blobs.cc), the rest as
// messages of hoptrail.internal, which nothing but this directory knows. Pure functions.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/detection.h"
#include "core/model/fact.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

std::string Encode(const model::Session& session);
std::string Encode(const model::Hop& hop);
std::string Encode(const model::Detection& detection);
std::string Encode(const model::Incident& incident);
std::string Encode(const model::LoginAttempt& attempt);
std::string Encode(const model::Coverage& coverage);
std::string Encode(const model::Loss& loss);
std::string Encode(const model::AgentHealth& health);
// No bytes where there are none.
std::string Encode(const std::vector<model::Degradation>& degradations);

// DATA_LOSS when the bytes are not what Encode wrote.
absl::StatusOr<model::Session> DecodeSession(absl::string_view data);
absl::StatusOr<model::Hop> DecodeHop(absl::string_view data);
absl::StatusOr<model::Detection> DecodeDetection(absl::string_view data);
absl::StatusOr<model::Incident> DecodeIncident(absl::string_view data);
absl::StatusOr<model::AgentHealth> DecodeHealth(absl::string_view data);
absl::StatusOr<model::Coverage> DecodeCoverage(absl::string_view data);
absl::StatusOr<model::Loss> DecodeLoss(absl::string_view data);
absl::StatusOr<std::vector<model::Degradation>> DecodeDegradations(absl::string_view data);

template <typename Tag>
absl::string_view Blob(const model::Id128<Tag>& id) {
  return absl::string_view(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}
std::string Blob(const model::HostId& host);
// The least and the greatest blob of a host of that machine; equal where the boot is given.
std::pair<std::string, std::string> BlobRange(const model::HostId& host);
absl::string_view Blob(const model::IpAddress& address);

// All zero when the blob has another length.
template <typename Id>
Id IdFrom(absl::string_view blob) {
  Id id;
  if (blob.size() == id.bytes.size()) {
    for (size_t i = 0; i < blob.size(); ++i) id.bytes[i] = static_cast<uint8_t>(blob[i]);
  }
  return id;
}
model::HostId HostFrom(absl::string_view blob);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_CODEC_H_
