#ifndef HOPTRAIL_AGENT_SESSION_USER_NAMES_H_
#define HOPTRAIL_AGENT_SESSION_USER_NAMES_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace hoptrail::agent::session {

// Returns the user name of a uid on this host; empty if there is none.
using UserResolver = std::function<std::string(uint32_t uid)>;

// Looks up a uid in a passwd(5) file. Empty if it is not there or its name exceeds 100 bytes.
std::string UserIn(std::istream& passwd, uint32_t uid);
// Reads the passwd(5) file at each call.
UserResolver PasswdFileResolver(std::string path = "/etc/passwd");

// A bounded cache in front of a resolver, which it asks again after a minute. Not thread-safe.
class UserNames {
 public:
  explicit UserNames(UserResolver resolver) : resolver_(std::move(resolver)) {}

  const std::string& Name(uint32_t uid, uint64_t now_boot_ns);

 private:
  struct Entry {
    std::string name;
    uint64_t asked_boot_ns = 0;
  };

  UserResolver resolver_;
  absl::flat_hash_map<uint32_t, Entry> cache_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_USER_NAMES_H_
