#ifndef HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_
#define HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_

#include <string>

namespace hoptrail {

// The running kernel's release from uname(2): "6.1.0-28-amd64". Empty where uname(2) fails.
std::string KernelRelease();

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_
