#ifndef HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_
#define HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/hash/hash.h"

#include "core/model/process.h"

namespace hoptrail::agent::process {

// Recently started executables, so that all processes that run one share a single Image and another
// start of it allocates nothing. Fixed size: a later executable replaces an earlier one that hashes
// to the same slot. Not thread-safe.
class ImageCache {
 public:
  // An image with the path, device and inode of `image`, without arguments and directory.
  std::shared_ptr<const model::Image> Share(const model::Image& image) {
    auto& slot = slots_[absl::HashOf(image.device, image.inode) % slots_.size()];
    if (slot == nullptr || slot->inode != image.inode || slot->device != image.device ||
        slot->path != image.path) {
      auto kept = std::make_shared<model::Image>();
      kept->path = image.path;
      kept->device = image.device;
      kept->inode = image.inode;
      slot = std::move(kept);
    }
    return slot;
  }

 private:
  std::array<std::shared_ptr<const model::Image>, 512> slots_;
};

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_
