#include "agent/kernel/snapshot/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {
namespace {

// The first bytes of a file in /proc, at most `limit`; fewer if it cannot be read any more, for
// example because its process has ended.
std::string FirstBytes(const std::string& path, size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content(limit, '\0');
  size_t length = 0;
  while (fd.valid() && length < limit) {
    const ssize_t count = read(fd.get(), content.data() + length, limit - length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    length += static_cast<size_t>(count);
  }
  content.resize(length);
  return content;
}

// Whether /proc/TGID is still the process that started at `start_ns`: field 22 of proc(5)'s stat,
// in clock ticks since boot.
bool IsStill(uint32_t tgid, uint64_t start_ns) {
  const std::string stat = FirstBytes(absl::StrCat("/proc/", tgid, "/stat"), 4096);
  const size_t name_end = stat.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return false;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kStart = 22 - 3;  // the first field after the name is the third
  uint64_t ticks = 0;
  if (fields.size() <= kStart || !absl::SimpleAtoi(fields[kStart], &ticks)) return false;
  const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return start_ns / tick_ns == ticks;
}

// The kernel side leaves the arguments out.
void AddArguments(std::string* record) {
  if (record->size() < sizeof(ht_exec)) return;
  ht_exec exec;
  std::memcpy(&exec, record->data(), sizeof(exec));
  if (exec.header.type != HT_TYPE_PROCESS_SNAPSHOT) return;
  const uint32_t tgid = exec.header.who.tgid;
  std::string arguments =
      FirstBytes(absl::StrCat("/proc/", tgid, "/cmdline"), HT_ARGUMENT_BYTES + 1);
  if (arguments.empty() || !IsStill(tgid, exec.header.who.start_ns)) return;
  exec.arguments.cut = arguments.size() > HT_ARGUMENT_BYTES;
  if (exec.arguments.cut != 0) arguments.resize(HT_ARGUMENT_BYTES);
  exec.arguments.length = static_cast<uint16_t>(arguments.size());
  exec.header.size = static_cast<uint32_t>(record->size() + arguments.size());
  std::memcpy(record->data(), &exec, sizeof(exec));
  record->append(arguments);
}

// Passes every whole record at the beginning of `bytes` to the receiver and removes it.
absl::Status TakeRecords(std::string* bytes, Receiver receiver) {
  size_t offset = 0;
  while (bytes->size() - offset >= sizeof(ht_header)) {
    ht_header header;
    std::memcpy(&header, bytes->data() + offset, sizeof(header));
    if (header.size < sizeof(header) || header.size > HT_RECORD_MAX) {
      return absl::InternalError(absl::StrCat("snapshot: a record of ", header.size, " bytes"));
    }
    if (bytes->size() - offset < header.size) break;
    std::string record = bytes->substr(offset, header.size);
    offset += header.size;
    AddArguments(&record);
    receiver(record.data(), record.size());
  }
  bytes->erase(0, offset);
  return absl::OkStatus();
}

absl::Status ReadIterator(const UniqueFd& fd, Receiver receiver) {
  std::string bytes;
  char chunk[32768];
  while (true) {
    const ssize_t count = read(fd.get(), chunk, sizeof(chunk));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return absl::InternalError(absl::StrCat("iterator: ", strerror(errno)));
    if (count == 0) break;
    bytes.append(chunk, static_cast<size_t>(count));
    HT_RETURN_IF_ERROR(TakeRecords(&bytes, receiver));
  }
  if (!bytes.empty()) return absl::DataLossError("snapshot: the walk ends within a record");
  return absl::OkStatus();
}

}  // namespace

absl::Status TakeSnapshot(IteratorSource open, Receiver receiver) {
  absl::Status status;
  for (const Walk walk : {Walk::kProcesses, Walk::kListeners, Walk::kConnections}) {
    const absl::StatusOr<UniqueFd> iterator = open(walk);
    if (absl::IsNotFound(iterator.status())) continue;
    status.Update(iterator.ok() ? ReadIterator(*iterator, receiver) : iterator.status());
  }
  ht_header done = {};
  done.size = sizeof(done);
  done.type = HT_TYPE_SNAPSHOT_DONE;
  done.boot_ns = Clock::System().BootNs();
  receiver(&done, sizeof(done));
  return status;
}

}  // namespace hoptrail::agent::kernel
