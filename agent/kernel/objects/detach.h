#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_

#include <memory>
#include <vector>

namespace hoptrail::agent::kernel {

// Owners of attachments of any kind; a program is detached when its owner is destroyed.
using Attachments = std::vector<std::shared_ptr<void>>;

// Destroys all of them, in several threads: for many the kernel waits some tens of milliseconds
// until no CPU is inside the program, and part of these waits overlap.
void DetachAll(Attachments attachments);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_
