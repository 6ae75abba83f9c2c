#include "agent/host/host_facts.h"

#include <ifaddrs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "core/base/read_file.h"
#include "core/base/status_macros.h"
#include <net/if.h>
#include <netinet/in.h>
#include <sys/stat.h>

namespace hoptrail::agent {
namespace {

// PROC_PID_INIT_INO: the first pid namespace's, on every kernel.
constexpr ino_t kHostPidNamespace = 0xeffffffc;

constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";

constexpr size_t kMostBytes = 4096;

absl::StatusOr<std::string> ReadLine(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  std::string line = text.substr(0, text.find('\n'));
  absl::StripAsciiWhitespace(&line);
  if (line.empty()) return absl::NotFoundError(absl::StrCat(path, ": is empty"));
  return line;
}

}  // namespace

absl::StatusOr<model::HostId> ReadHostId(const std::string& machine_id_file) {
  model::HostId host;
  HT_ASSIGN_OR_RETURN(const std::string machine, ReadLine(machine_id_file));
  auto machine_id = model::ParseId<model::MachineId>(machine);
  if (!machine_id.ok() || machine_id->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(machine_id_file, ": holds no machine id of 32 hexadecimal digits"));
  }
  host.machine = *machine_id;
  HT_ASSIGN_OR_RETURN(host.boot, ReadBootId());
  return host;
}

absl::StatusOr<model::BootId> ReadBootId() {
  HT_ASSIGN_OR_RETURN(const std::string boot, ReadLine(kBootIdFile));
  return model::ParseId<model::BootId>(boot);
}

std::string SystemHostName() {
  char name[HOST_NAME_MAX + 1] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

absl::StatusOr<uint32_t> NetworkNamespaceInode(const std::string& name) {
  const std::string path = name == "self" ? "/proc/self/ns/net" : name;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  return static_cast<uint32_t>(status.st_ino);
}

bool InHostPidNamespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == kHostPidNamespace;
}

std::string OwnServiceUnit() {
  std::ifstream file("/proc/self/cgroup");
  const std::string content((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
  return UnitOfCgroup(content);
}

std::vector<model::IpAddress> InterfaceAddresses() {
  std::vector<model::IpAddress> addresses;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return addresses;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0) continue;
    model::IpAddress address;
    if (one->ifa_addr->sa_family == AF_INET) {
      address = model::IpAddress::V4(
          reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      std::memcpy(address.bytes.data(), &v6->sin6_addr, address.bytes.size());
    } else {
      continue;
    }
    if (!address.is_loopback() && !address.is_link_local()) addresses.push_back(address);
  }
  ::freeifaddrs(first);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    uint64_t kib = 0;
    if (word == "VmRSS:" && file >> kib) return kib * 1024;
  }
  return 0;
}

std::string UnitOfCgroup(const std::string& cgroup_file) {
  std::string unit;
  for (const absl::string_view line : absl::StrSplit(cgroup_file, '\n')) {
    // "0::/system.slice/hoptrail-agent.service", "1:name=systemd:/…"
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || (!parts[1].empty() && parts[1] != "name=systemd")) continue;
    for (const absl::string_view component : absl::StrSplit(parts[2], '/')) {
      if (absl::EndsWith(component, ".service")) unit = std::string(component);
    }
    if (!unit.empty()) return unit;
  }
  return unit;
}

}  // namespace hoptrail::agent
