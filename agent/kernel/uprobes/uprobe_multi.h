#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_

// Uprobes as BPF links (Linux 6.6). CAP_BPF and CAP_PERFMON are enough for them, whereas those of
// perf_event_open(2) need CAP_SYS_ADMIN since the fix of CVE-2025-38466. Debian 12's libbpf does
// not know them yet. Only for agent/kernel.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <bpf/libbpf.h>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// OK where the running kernel accepts such a link from this process, or why not. It tries one.
absl::Status TryUprobeMulti();

// Prepares `program`, before it is loaded, for AttachUprobeMulti(); nothing else can attach it
// then.
void PrepareForUprobeMulti(bpf_program* program);

// Attaches to the code at an offset of the file, for all processes, until the returned descriptor
// is closed.
absl::StatusOr<UniqueFd> AttachUprobeMulti(int program_fd, const std::string& path, uint64_t offset,
                                           bool at_return);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_
