#ifndef HOPTRAIL_AGENT_PRIVILEGE_CAPABILITIES_H_
#define HOPTRAIL_AGENT_PRIVILEGE_CAPABILITIES_H_

#include <cstdint>
#include <initializer_list>

#include "absl/status/status.h"

namespace hoptrail::agent::privilege {

// capabilities(7), by number: older headers lack the names.
enum Capability : int {
  kCapDacReadSearch = 2,
  kCapSetpcap = 8,
  kCapSysPtrace = 19,
  kCapSysAdmin = 21,
  kCapPerfmon = 38,
  kCapBpf = 39,
};

// Of the calling thread: gives up every capability but `kept`, in the permitted, effective,
// inheritable, ambient and bounding sets; of `kept`, what it does not have stays out. Getting less
// takes no privilege, but for the bounding set, which takes CAP_SETPCAP: FAILED_PRECONDITION where
// that is missing and the bounding set could not follow. The other sets did then.
absl::Status KeepCapabilities(std::initializer_list<Capability> kept);

// Whether the effective set has it.
bool HasCapability(Capability capability);

// While it lives, the calling thread's effective set is empty: to see what a process without
// capabilities may do. Changes nothing where that cannot be.
class WithoutCapabilities {
 public:
  WithoutCapabilities();
  ~WithoutCapabilities();
  WithoutCapabilities(const WithoutCapabilities&) = delete;
  WithoutCapabilities& operator=(const WithoutCapabilities&) = delete;

 private:
  uint64_t effective_ = 0;
};

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_CAPABILITIES_H_
