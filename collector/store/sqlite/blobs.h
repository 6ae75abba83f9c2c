#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_BLOBS_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_BLOBS_H_

// Ids and addresses as the blobs of columns. Pure functions.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::collector::store {

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

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_BLOBS_H_
