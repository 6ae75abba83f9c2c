#ifndef HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_
#define HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/hash/hash.h"

#include "core/model/process.h"

namespace hoptrail::agent::process {

// The executables that were started lately, so that all processes that run one share what is kept
// of it, and to start it once more allocates nothing. Of fixed size: of two that fall into one
// place the later one stays. Not thread-safe.
class ImageCache {
 public:
  // Path, device and inode of `image`; arguments and directory are not kept.
  std::shared_ptr<const model::Image> Share(const model::Image& image) {
    auto& place = places_[absl::HashOf(image.device, image.inode) % places_.size()];
    if (place == nullptr || place->inode != image.inode || place->device != image.device ||
        place->path != image.path) {
      auto kept = std::make_shared<model::Image>();
      kept->path = image.path;
      kept->device = image.device;
      kept->inode = image.inode;
      place = std::move(kept);
    }
    return place;
  }

 private:
  std::array<std::shared_ptr<const model::Image>, 512> places_;
};

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_IMAGE_CACHE_H_
