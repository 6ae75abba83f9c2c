#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_

// Uprobes as BPF links (Linux 6.6). Unlike those of perf_event_open(2), which the correction of
// CVE-2025-38466 left to CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON are enough for them. Debian 12's
// libbpf does not know them yet. Only for this directory.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <bpf/libbpf.h>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// Ok where the running kernel takes them from this process; otherwise why not. Tries it.
absl::Status TryUprobeMulti();

// Makes `program`, not loaded yet, one that is attached by AttachUprobeMulti() and by nothing else.
void PrepareForUprobeMulti(bpf_program* program);

// Attaches to `function` of the file for every process, until the descriptor is closed.
absl::StatusOr<UniqueFd> AttachUprobeMulti(int program_fd, const std::string& path,
                                           const std::string& function, bool at_return);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_UPROBE_MULTI_H_
