#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_LINK_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_LINK_H_

#include <memory>

#include <bpf/libbpf.h>

namespace hoptrail::agent::kernel {

// An attachment of a program to a hook; its end detaches the program.
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkPtr = std::unique_ptr<bpf_link, LinkDeleter>;

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_LINK_H_
