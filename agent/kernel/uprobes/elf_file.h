#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace hoptrail::agent::kernel {

// Where in the file the code of a dynamic symbol begins. Takes nothing in the file for granted: it
// may come out of a container, whose owner may be hostile and change it while it is read. So it is
// read once, up to 16 MiB, and what is spent on it does not depend on what it claims. Only for this
// directory.
absl::StatusOr<uint64_t> FileOffsetOf(const std::string& path, const std::string& function);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_
