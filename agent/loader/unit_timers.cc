#include "agent/loader/unit_timers.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include <sys/stat.h>

namespace hoptrail::agent::loader {
namespace {

constexpr size_t kMaxName = 255;

}  // namespace

bool UnitTimers::HasFile(const std::string& timer) const {
  for (const UniqueFd& directory : directories_) {
    for (const char* kind : {"system", "transient", "generator"}) {
      const std::string path = absl::StrCat(kind, "/", timer);
      struct stat file {};
      if (::fstatat(directory.get(), path.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
      // A masked timer starts nothing. Links are not followed: their targets are paths of the host.
      char target[sizeof("/dev/null")];
      const ssize_t length = ::readlinkat(directory.get(), path.c_str(), target, sizeof(target));
      return absl::string_view(target, length < 0 ? 0 : static_cast<size_t>(length)) != "/dev/null";
    }
  }
  return false;
}

bool UnitTimers::Has(const std::string& unit) const {
  absl::string_view stem = unit;
  if (!absl::ConsumeSuffix(&stem, ".service") || stem.empty() || unit.size() > kMaxName ||
      absl::StrContains(unit, "/")) {
    return false;
  }
  if (HasFile(absl::StrCat(stem, ".timer"))) return true;
  const size_t at = stem.find('@');
  return at != absl::string_view::npos && at + 1 < stem.size() &&
         HasFile(absl::StrCat(stem.substr(0, at + 1), ".timer"));
}

}  // namespace hoptrail::agent::loader
