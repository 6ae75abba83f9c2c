#include "agent/privilege/capabilities.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace hoptrail::agent::privilege {
namespace {

struct Sets {
  __user_cap_data_struct half[2] = {};
};

absl::Status Get(Sets* sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capget, &header, sets->half) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "capget");
}

absl::Status Set(const Sets& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capset, &header, sets.half) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "capset");
}

void SetEffective(uint64_t bits) {
  Sets sets;
  if (!Get(&sets).ok()) return;
  for (int half = 0; half < 2; ++half) {
    sets.half[half].effective = static_cast<uint32_t>(bits >> (32 * half));
  }
  (void)Set(sets);
}

uint64_t Bits(std::initializer_list<Capability> capabilities) {
  uint64_t bits = 0;
  for (const Capability capability : capabilities) bits |= uint64_t{1} << capability;
  return bits;
}

}  // namespace

absl::Status KeepCapabilities(std::initializer_list<Capability> kept) {
  const uint64_t bits = Bits(kept);
  // The bounding set is first, because changing it needs a capability.
  absl::Status bounding;
  for (int capability = 0; capability < 64; ++capability) {
    const int bound = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (bound < 0) break;  // the kernel has no further ones
    if (bound == 0 || (bits >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && bounding.ok()) {
      bounding = absl::FailedPreconditionError(
          absl::StrCat("the capability bounding set is unchanged, because CAP_SETPCAP is missing: ",
                       strerror(errno)));
    }
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  Sets sets;
  absl::Status status = Get(&sets);
  if (!status.ok()) return status;
  for (int half = 0; half < 2; ++half) {
    sets.half[half].permitted &= static_cast<uint32_t>(bits >> (32 * half));
    sets.half[half].effective = sets.half[half].permitted;
    sets.half[half].inheritable = 0;
  }
  status = Set(sets);
  return status.ok() ? bounding : status;
}

WithoutCapabilities::WithoutCapabilities() {
  Sets sets;
  if (!Get(&sets).ok()) return;
  effective_ = uint64_t{sets.half[1].effective} << 32 | sets.half[0].effective;
  SetEffective(0);
}

WithoutCapabilities::~WithoutCapabilities() { SetEffective(effective_); }

}  // namespace hoptrail::agent::privilege
