#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace hoptrail::agent::kernel {

// The functions below find code in a file that may come from a hostile container and change during
// the read. So it is read once, at most 16 MiB, and the cost does not depend on its contents.
// NOT_FOUND: no such file or function; INVALID_ARGUMENT: not a usable ELF file. Only for this
// directory.

// The offset in the file at which the code of a dynamic symbol begins.
absl::StatusOr<uint64_t> FileOffsetOf(const std::string& path, const std::string& function);

// The offset in the file of the entry of its procedure linkage table through which it calls a
// function of a library: there, nobody but this program meets a probe. It needs no symbols of the
// program, so that a stripped one will do. FAILED_PRECONDITION: the program calls the function, but
// not through the table (-fno-plt).
absl::StatusOr<uint64_t> LinkageOffsetOf(const std::string& path, const std::string& function);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_ELF_FILE_H_
