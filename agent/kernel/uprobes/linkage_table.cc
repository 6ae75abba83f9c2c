#include "agent/kernel/uprobes/linkage_table.h"

#include <elf.h>

#include <cstring>

#include "absl/algorithm/container.h"
#include "absl/strings/strip.h"

namespace hoptrail::agent::kernel {
namespace {

template <typename T>
T Load(absl::string_view code, size_t at) {
  T value = 0;
  if (at <= code.size() && code.size() - at >= sizeof(T)) {
    std::memcpy(&value, code.data() + at, sizeof(T));
  }
  return value;
}

// "[endbr64] [bnd] jmp *SLOT(%rip)". Entries of .plt and .plt.sec have 16 bytes, those of .plt.got
// 8 or 16.
std::optional<uint64_t> SlotOfX86Entry(absl::string_view entry, uint64_t address) {
  const size_t size = entry.size();
  absl::ConsumePrefix(&entry, absl::string_view("\xf3\x0f\x1e\xfa", 4));
  absl::ConsumePrefix(&entry, "\xf2");
  if (!absl::ConsumePrefix(&entry, "\xff\x25") || entry.size() < sizeof(int32_t)) {
    return std::nullopt;
  }
  const auto distance = Load<int32_t>(entry, 0);
  const uint64_t next = address + size - entry.size() + sizeof(distance);
  return next + static_cast<uint64_t>(static_cast<int64_t>(distance));
}

// "adrp x16, PAGE; ldr x17, [x16, #OFFSET]".
std::optional<uint64_t> SlotOfArmEntry(absl::string_view entry, uint64_t address) {
  const auto adrp = Load<uint32_t>(entry, 0);
  const auto ldr = Load<uint32_t>(entry, sizeof(adrp));
  if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211) return std::nullopt;
  const uint64_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
  const auto signed_pages = static_cast<int64_t>(pages << 43) >> 43;
  const uint64_t offset = (ldr >> 10 & 0xfff) * 8;
  return (address & ~uint64_t{0xfff}) + static_cast<uint64_t>(signed_pages) * 4096 + offset;
}

}  // namespace

std::optional<uint64_t> FindLinkageEntry(uint16_t machine, absl::string_view code, uint64_t address,
                                         const std::vector<uint64_t>& slots) {
  const bool x86 = machine == EM_X86_64;
  if (!x86 && machine != EM_AARCH64) return std::nullopt;
  const size_t step = x86 ? 8 : 4;
  for (size_t at = 0; at < code.size(); at += step) {
    const std::optional<uint64_t> slot = x86 ? SlotOfX86Entry(code.substr(at), address + at)
                                             : SlotOfArmEntry(code.substr(at), address + at);
    if (slot.has_value() && absl::c_linear_search(slots, *slot)) return address + at;
  }
  return std::nullopt;
}

}  // namespace hoptrail::agent::kernel
