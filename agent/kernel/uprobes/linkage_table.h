#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_LINKAGE_TABLE_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_LINKAGE_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::kernel {

// A procedure linkage table has an entry for each function of a library that a program calls. The
// entry jumps to the address in a slot, which the dynamic linker has filled in.
//
// Returns the address of the first instruction of the entry that jumps through one of `slots`,
// where a breakpoint is safe; nothing if there is none. `code`: the table, at `address`. `machine`:
// EM_X86_64 or EM_AARCH64. Only for this directory.
std::optional<uint64_t> FindLinkageEntry(uint16_t machine, absl::string_view code, uint64_t address,
                                         const std::vector<uint64_t>& slots);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_LINKAGE_TABLE_H_
