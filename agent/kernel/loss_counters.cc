#include "agent/kernel/loss_counters.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "core/base/clock.h"
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr const char* kRingNames[HT_RINGS] = {"ring/high", "ring/low"};
constexpr const char* kTableNames[HT_TABLES] = {"table/processes", "table/sockets"};
constexpr const char* kTypeNames[HT_TYPES] = HT_TYPE_NAMES;

// Array maps keep their values at multiples of 8 bytes.
constexpr size_t kStride = (sizeof(ht_losses) + 7) / 8 * 8;

}  // namespace

void LossCounters::Unmap::operator()(const void* memory) const {
  munmap(const_cast<void*>(memory), bytes);
}

absl::StatusOr<LossCounters> LossCounters::Map(int fd, uint32_t processors) {
  const size_t page = sysconf(_SC_PAGESIZE);
  const size_t bytes = (processors * kStride + page - 1) / page * page;
  const void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return absl::InternalError(absl::StrCat("mapping the loss counters: ", strerror(errno)));
  }
  return LossCounters(memory, bytes, processors);
}

const volatile ht_losses& LossCounters::Of(uint32_t processor) const {
  return *reinterpret_cast<const volatile ht_losses*>(static_cast<const char*>(memory_.get()) +
                                                      processor * kStride);
}

std::vector<LossCount> LossCounters::Read() const {
  std::vector<LossCount> counts;
  for (uint32_t cpu = 0; cpu < processors_; ++cpu) {
    const volatile ht_losses& losses = Of(cpu);
    for (int ring = 0; ring < HT_RINGS; ++ring) {
      for (int type = 0; type < HT_TYPES; ++type) {
        const uint64_t count = losses.records[ring][type];
        if (count != 0) counts.push_back({kRingNames[ring], kTypeNames[type], cpu, count});
      }
    }
    for (int table = 0; table < HT_TABLES; ++table) {
      const uint64_t count = losses.entries[table];
      if (count != 0) counts.push_back({kTableNames[table], "", cpu, count});
    }
  }
  return counts;
}

size_t LossCounters::TellNew(absl::FunctionRef<void(const void*, size_t)> receiver) {
  size_t records = 0;
  for (uint32_t ring = 0; ring < HT_RINGS; ++ring) {
    for (uint32_t type = 0; type < HT_TYPES; ++type) {
      uint64_t total = 0;
      for (uint32_t cpu = 0; cpu < processors_; ++cpu) total += Of(cpu).records[ring][type];
      if (total <= told_[ring][type]) continue;
      ht_lost lost = {};
      lost.header.size = sizeof(lost);
      lost.header.type = HT_TYPE_LOST;
      lost.header.boot_ns = Clock::System().BootNs();
      lost.ring = ring;
      lost.record_type = type;
      lost.count = total - told_[ring][type];
      told_[ring][type] = total;
      receiver(&lost, sizeof(lost));
      ++records;
    }
  }
  return records;
}

}  // namespace hoptrail::agent::kernel
