#include "agent/session/user_names.h"

#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kMaxCached = 4096;
constexpr size_t kMaxName = 100;
constexpr uint64_t kAskAgainNs = 60'000'000'000;

}  // namespace

std::string UserIn(std::istream& passwd, uint32_t uid) {
  std::string line;
  while (std::getline(passwd, line)) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    uint32_t number = 0;
    if (fields.size() >= 3 && absl::SimpleAtoi(fields[2], &number) && number == uid) {
      return fields[0].size() <= kMaxName ? std::string(fields[0]) : std::string();
    }
  }
  return {};
}

UserResolver PasswdFileResolver(std::string path) {
  return [path = std::move(path)](uint32_t uid) {
    std::ifstream file(path);
    return UserIn(file, uid);
  };
}

const std::string& UserNames::Name(uint32_t uid, uint64_t now_boot_ns) {
  if (cache_.size() >= kMaxCached && !cache_.contains(uid)) cache_.clear();
  auto [entry, inserted] = cache_.try_emplace(uid);
  if (inserted || entry->second.asked_boot_ns + kAskAgainNs < now_boot_ns) {
    entry->second = {resolver_ ? resolver_(uid) : std::string(), now_boot_ns};
  }
  return entry->second.name;
}

}  // namespace hoptrail::agent::session
