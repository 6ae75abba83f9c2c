#include "core/base/kernel_release.h"

#include <sys/utsname.h>

namespace hoptrail {

std::string KernelRelease() {
  utsname names = {};
  return ::uname(&names) == 0 ? names.release : "";
}

}  // namespace hoptrail
