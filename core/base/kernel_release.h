#ifndef HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_
#define HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_

#include <string>

namespace hoptrail {

// The running kernel's release, as uname(2) says it: "6.1.0-28-amd64". Empty where it says nothing.
std::string KernelRelease();

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_KERNEL_RELEASE_H_
