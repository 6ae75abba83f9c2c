#ifndef HOPTRAIL_AGENT_HOST_HOST_FACTS_H_
#define HOPTRAIL_AGENT_HOST_HOST_FACTS_H_

// Asks the system about the host and this process. Thread-safe.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::agent {

// From machine-id(5) at `machine_id_file` and the kernel's boot id.
absl::StatusOr<model::HostId> ReadHostId(const std::string& machine_id_file);

absl::StatusOr<model::BootId> ReadBootId();

std::string SystemHostName();  // gethostname(2)

// Inode number of the network namespace "self" or at a path ("/proc/PID/ns/net").
absl::StatusOr<uint32_t> NetworkNamespaceInode(const std::string& name);

// Whether this process is in the host's pid namespace, so that its pid is also the one in kernel
// events.
bool InHostPidNamespace();

// The unit of the service that this process is in ("hoptrail-agent.service"); empty where there is
// none.
std::string OwnServiceUnit();

// The addresses of interfaces that are up, without loopback and link-local ones.
std::vector<model::IpAddress> InterfaceAddresses();

uint64_t ResidentBytes();  // VmRSS; 0 where unknown

// The unit of the cgroup in /proc/PID/cgroup: its last component that is a service.
// Empty where there is none.
std::string UnitOfCgroup(const std::string& cgroup_file);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HOST_HOST_FACTS_H_
