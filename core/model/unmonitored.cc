#include "core/model/unmonitored.h"

#include <algorithm>

#include "core/base/digest.h"

namespace hoptrail::model {
namespace {

const BootId& UnmonitoredBoot() {
  static const BootId boot{Digest128({"unmonitored host"})};
  return boot;
}

}  // namespace

HostId UnmonitoredHost(const IpAddress& address) {
  HostId host;
  std::copy(address.bytes.begin(), address.bytes.end(), host.machine.bytes.begin());
  host.boot = UnmonitoredBoot();
  return host;
}

std::optional<IpAddress> UnmonitoredAddress(const HostId& host) {
  if (host.boot != UnmonitoredBoot()) return std::nullopt;
  IpAddress address;
  std::copy(host.machine.bytes.begin(), host.machine.bytes.end(), address.bytes.begin());
  return address;
}

}  // namespace hoptrail::model
