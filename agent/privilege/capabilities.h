#ifndef HOPTRAIL_AGENT_PRIVILEGE_CAPABILITIES_H_
#define HOPTRAIL_AGENT_PRIVILEGE_CAPABILITIES_H_

#include <cstdint>
#include <initializer_list>

#include "absl/status/status.h"

namespace hoptrail::agent::privilege {

// capabilities(7) by number, because older headers lack the names.
enum Capability : int {
  kCapDacReadSearch = 2,
  kCapSysPtrace = 19,
  kCapSysAdmin = 21,
  kCapPerfmon = 38,
  kCapBpf = 39,
};

// Removes all capabilities except `kept` from the calling thread's permitted, effective,
// inheritable, ambient and bounding sets. It adds none. Only changing the bounding set needs a
// capability, CAP_SETPCAP. FAILED_PRECONDITION where that is missing and the bounding set has not
// changed; the other sets have.
absl::Status KeepCapabilities(std::initializer_list<Capability> kept);

// Empties the calling thread's effective set as long as it lives, to find out what a process
// without capabilities may do. Changes nothing where the kernel refuses.
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
