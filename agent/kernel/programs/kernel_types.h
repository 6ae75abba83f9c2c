#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_KERNEL_TYPES_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_KERNEL_TYPES_H_

// Questions to the running kernel's type information (BTF). A kernel release is never compared:
// series take over changes from later ones. Only for this directory: it shows libbpf.

#include <memory>
#include <string>

#include <bpf/btf.h>

namespace hoptrail::agent::kernel {

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfDeleter>;

// Whether a struct of the kernel has such a member. Members of anonymous structs in it do not
// count.
bool HasField(const btf* kernel, const std::string& struct_name, const std::string& field);

// Whether the kernel has a function of this name that was not inlined everywhere.
bool HasFunction(const btf* kernel, const std::string& function);

// Whether the kernel skips a program on a raw tracepoint (tp_btf) that runs on the same CPU
// already, and counts a recursion miss. Older kernels run it once more.
bool SkipsTracepointPrograms(const btf* kernel);

// Whether the kernel may preempt programs on raw tracepoints (tp_btf).
bool PreemptsTracepointPrograms(const btf* kernel);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_KERNEL_TYPES_H_
