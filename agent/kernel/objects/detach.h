#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_

#include <memory>
#include <vector>

namespace hoptrail::agent::kernel {

// What keeps programs attached, whatever it is: they are taken off when it is let go.
using Attachments = std::vector<std::shared_ptr<void>>;

// Lets go of all, several at a time: for many the kernel waits until nobody is inside, some tens of
// milliseconds each. Part of these waits overlap. Starts threads.
void DetachAll(Attachments attachments);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_DETACH_H_
