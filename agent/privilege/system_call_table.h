#ifndef HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALL_TABLE_H_
#define HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALL_TABLE_H_

// The system calls that each role may use: data. Only for this directory.

#include <cstdint>
#include <vector>

#include "agent/privilege/system_calls.h"

namespace hoptrail::agent::privilege {

// Whether the lists also contain the calls of an address or thread sanitizer.
#if defined(__SANITIZE_ADDRESS__) || defined(HOPTRAIL_TSAN)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr uint64_t kWhole = ~uint64_t{0};

// (argument & mask) == value.
struct Condition {
  unsigned argument = 0;
  uint64_t mask = kWhole;
  uint64_t value = 0;
  const char* meaning = "";
  bool own_pid = false;  // in place of `value`: the process's own id
};

struct AllowedCall {
  const char* name;
  std::vector<Condition> conditions;  // one of them must hold; empty: always allowed
};

const std::vector<AllowedCall>& AllowedCalls(Role role);
// The kernel kills a process that makes one of these calls.
const std::vector<const char*>& FatalCalls(Role role);

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_SYSTEM_CALL_TABLE_H_
