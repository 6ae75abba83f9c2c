#include "collector/store/sqlite/blobs.h"

namespace hoptrail::collector::store {

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
