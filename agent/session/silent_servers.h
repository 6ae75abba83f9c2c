#ifndef HOPTRAIL_AGENT_SESSION_SILENT_SERVERS_H_
#define HOPTRAIL_AGENT_SESSION_SILENT_SERVERS_H_

#include <cstddef>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::session {

// The login servers' programs whose last login showed neither method nor key: the host's coverage
// names them, because a login without them looks like one that nobody has examined. Bounded. Not
// thread-safe.
class SilentServers {
 public:
  void OnLogin(absl::string_view program, bool method_shown) {
    if (method_shown) {
      programs_.erase(std::string(program));
    } else if (programs_.size() < kMaxPrograms && program.size() <= kMaxLength) {
      programs_.emplace(program);
    }
  }
  const std::set<std::string>& programs() const { return programs_; }

 private:
  static constexpr size_t kMaxPrograms = 16;
  static constexpr size_t kMaxLength = 256;

  std::set<std::string> programs_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SILENT_SERVERS_H_
