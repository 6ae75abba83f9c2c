#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_TARGET_KEY_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_TARGET_KEY_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/file_key.h"

namespace hoptrail::agent::kernel {

// A file as uprobes are attached to it. An overlay has one device for each mount, but uprobes are
// attached to the file below it, which the containers of one image share. There the device is 0,
// and size and change time distinguish the file from others.
struct TargetKey {
  FileKey file;
  int64_t size = 0;
  int64_t changed_ns = 0;

  auto operator<=>(const TargetKey&) const = default;
};

// The key of the regular file at `path`; nothing where there is none.
std::optional<TargetKey> TargetKeyOf(const std::string& path);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_TARGET_KEY_H_
