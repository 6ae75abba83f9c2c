#include "agent/kernel/processes/process_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace hoptrail::agent::kernel {
namespace {

// The offset of a process in the directory is its pid plus this, the number of entries before the
// processes. That holds since 2.6.24, with this value since 3.17; the constructor checks it.
constexpr off_t kFirstOffset = 258;

// This process's pid in this /proc; 0 where it has none there.
uint32_t OwnPid() {
  char name[16] = {};
  uint32_t pid = 0;
  const ssize_t size = readlink("/proc/self", name, sizeof(name) - 1);
  return size > 0 && absl::SimpleAtoi(absl::string_view(name, size), &pid) ? pid : 0;
}

}  // namespace

ProcessList::ProcessList() : directory_(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  const uint32_t own = OwnPid();
  if (!directory_.valid() || own == 0) return;
  seekable_ = true;
  // If processes began at a smaller offset, this one would be missing; a larger one costs time
  // only.
  seekable_ = Between(own, UINT32_MAX, 1) == std::vector<uint32_t>{own};
}

std::vector<uint32_t> ProcessList::Between(uint32_t first, uint32_t last, size_t most) const {
  std::vector<uint32_t> pids;
  if (lseek(directory_.get(), seekable_ ? kFirstOffset + first : 0, SEEK_SET) < 0) return pids;
  // The kernel generates as many entries as fit into the buffer, wanted or not. An entry takes 24
  // or 32 bytes.
  alignas(dirent64) char buffer[16384];
  const size_t room =
      seekable_ ? std::min(sizeof(buffer), std::max<size_t>(most, 2) * 32) : sizeof(buffer);
  while (pids.size() < most) {
    const ssize_t size = getdents64(directory_.get(), buffer, room);
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      uint32_t pid = 0;
      if (!absl::SimpleAtoi(entry->d_name, &pid) || pid < first) continue;
      if (pid > last || pids.size() == most) return pids;
      pids.push_back(pid);
    }
  }
  return pids;
}

// In a container something else may be mounted over the file, lxcfs for one.
std::optional<uint32_t> ProcessList::Newest() const {
  const UniqueFd file(open("/proc/loadavg", O_RDONLY | O_CLOEXEC));
  struct statfs system;
  if (!seekable_ || !file.valid() || fstatfs(file.get(), &system) != 0 ||
      system.f_type != PROC_SUPER_MAGIC || OwnPid() != static_cast<uint32_t>(getpid())) {
    return std::nullopt;
  }
  char text[128];
  const ssize_t size = read(file.get(), text, sizeof(text));
  if (size <= 0) return std::nullopt;
  absl::string_view line(text, size);
  absl::ConsumeSuffix(&line, "\n");
  uint32_t pid = 0;
  if (!absl::SimpleAtoi(line.substr(line.rfind(' ') + 1), &pid)) return std::nullopt;
  return pid;
}

// The directory has one link for each process, in every pid namespace.
size_t ProcessList::Count() const {
  struct stat directory;
  return fstat(directory_.get(), &directory) == 0 ? directory.st_nlink : 0;
}

uint32_t ProcessList::PidSpace() {
  std::ifstream file("/proc/sys/kernel/pid_max");
  uint32_t space = 0;
  return file >> space ? space : 32768;
}

}  // namespace hoptrail::agent::kernel
