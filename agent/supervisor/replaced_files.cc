#include "agent/supervisor/replaced_files.h"

#include <sys/stat.h>

namespace hoptrail::agent::supervisor {

void ReplacedFiles::Remember(SteadyTime now) {
  remembered_ = Keys();
  check_at_ = now + kCheckEvery;
}

bool ReplacedFiles::CheckTime(SteadyTime now) {
  if (now < check_at_) return false;
  check_at_ = now + kCheckEvery;
  return Keys() != remembered_;
}

std::vector<FileKey> ReplacedFiles::Keys() const {
  std::vector<FileKey> keys;
  for (const std::string& path : paths_) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) status = {};
    keys.push_back(FileKeyOf(status));
  }
  return keys;
}

}  // namespace hoptrail::agent::supervisor
