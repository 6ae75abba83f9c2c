#ifndef HOPTRAIL_AGENT_SESSION_USER_NAMES_H_
#define HOPTRAIL_AGENT_SESSION_USER_NAMES_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace hoptrail::agent::session {

// The name of a uid on this host, empty where it has none.
using UserResolver = std::function<std::string(uint32_t uid)>;

// Looks a uid up in the lines of a passwd(5) file; names longer than 100 bytes are none.
std::string UserIn(std::istream& passwd, uint32_t uid);
// Reads a passwd(5) file at every call.
UserResolver PasswdFileResolver(std::string path = "/etc/passwd");

// A bounded cache before a resolver. Entries are asked for again after a minute. Not thread-safe.
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
