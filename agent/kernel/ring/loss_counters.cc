#include "agent/kernel/ring/loss_counters.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "core/base/clock.h"
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr const char* kPlaces[HT_LOSS_CAUSES][HT_RINGS] = HT_LOSS_PLACES;
constexpr const char* kTableNames[HT_TABLES] = {"table/processes", "table/sockets"};
constexpr const char* kTypeNames[HT_TYPES] = HT_TYPE_NAMES;

// Array maps keep their values at multiples of 8 bytes.
constexpr size_t kStride = (sizeof(ht_losses) + 7) / 8 * 8;

constexpr uint64_t kReportEveryNs = 1'000'000'000;

uint64_t Count(const volatile ht_losses& losses, int cause, int ring, int type) {
  if (cause == HT_LOSS_RECURSION) return ring == HT_RING_HIGH ? losses.recursion_misses[type] : 0;
  return cause == HT_LOSS_BUDGET ? losses.refused[ring][type] : losses.records[ring][type];
}

}  // namespace

void LossCounters::Unmap::operator()(const void* memory) const {
  munmap(const_cast<void*>(memory), bytes);
}

absl::StatusOr<UniqueFd> LossCounters::MakeReportedMemory() {
  UniqueFd fd(memfd_create("reported-losses", MFD_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "memfd_create");
  if (ftruncate(fd.get(), sizeof(Reported)) != 0) return absl::ErrnoToStatus(errno, "ftruncate");
  return fd;
}

absl::StatusOr<LossCounters> LossCounters::Map(int fd, uint32_t cpus, int reported_fd) {
  const size_t page = sysconf(_SC_PAGESIZE);
  const size_t bytes = (cpus * kStride + page - 1) / page * page;
  const void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return absl::InternalError(absl::StrCat("mapping the loss counters: ", strerror(errno)));
  }
  Mapping counters(memory, Unmap{bytes});
  const int own = reported_fd < 0 ? MAP_ANONYMOUS : 0;
  const void* reported =
      mmap(nullptr, sizeof(Reported), PROT_READ | PROT_WRITE, MAP_SHARED | own, reported_fd, 0);
  if (reported == MAP_FAILED) {
    return absl::InternalError(
        absl::StrCat("mapping the losses already reported: ", strerror(errno)));
  }
  return LossCounters(std::move(counters), Mapping(reported, Unmap{sizeof(Reported)}), cpus);
}

const volatile ht_losses& LossCounters::Of(uint32_t cpu) const {
  return *reinterpret_cast<const volatile ht_losses*>(static_cast<const char*>(memory_.get()) +
                                                      cpu * kStride);
}

std::vector<LossCount> LossCounters::Read() const {
  std::vector<LossCount> counts;
  for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
    const volatile ht_losses& losses = Of(cpu);
    for (int cause = 0; cause < HT_LOSS_CAUSES; ++cause) {
      for (int ring = 0; ring < HT_RINGS; ++ring) {
        for (int type = 0; type < HT_TYPES; ++type) {
          const uint64_t count = Count(losses, cause, ring, type);
          if (count != 0) counts.push_back({kPlaces[cause][ring], kTypeNames[type], cpu, count});
        }
      }
    }
    for (int table = 0; table < HT_TABLES; ++table) {
      const uint64_t count = losses.entries[table];
      if (count != 0) counts.push_back({kTableNames[table], "", cpu, count});
    }
  }
  return counts;
}

size_t LossCounters::ReportNew(Receiver receiver, bool at_once) {
  const uint64_t now_ns = Clock::System().BootNs();
  if (now_ns < next_report_boot_ns_ && !at_once) return 0;
  size_t records = 0;
  for (int cause = 0; cause < HT_LOSS_CAUSES; ++cause) {
    for (int ring = 0; ring < HT_RINGS; ++ring) {
      for (int type = 0; type < HT_TYPES; ++type) {
        uint64_t total = 0;
        for (uint32_t cpu = 0; cpu < cpus_; ++cpu) total += Count(Of(cpu), cause, ring, type);
        uint64_t& reported = this->reported()[cause][ring][type];
        if (total <= reported) continue;
        ht_lost lost = {};
        lost.header.size = sizeof(lost);
        lost.header.type = HT_TYPE_LOST;
        lost.header.boot_ns = now_ns;
        lost.ring = ring;
        lost.record_type = type;
        lost.cause = cause;
        lost.count = total - reported;
        reported = total;
        receiver(&lost, sizeof(lost));
        ++records;
      }
    }
  }
  if (records > 0) next_report_boot_ns_ = now_ns + kReportEveryNs;
  return records;
}

}  // namespace hoptrail::agent::kernel
