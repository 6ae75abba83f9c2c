#ifndef HOPTRAIL_CORE_CONFIG_KEY_PLACES_H_
#define HOPTRAIL_CORE_CONFIG_KEY_PLACES_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoptrail::config {

// The lines of the keys of a configuration file, for messages about their values. A value type.
class KeyPlaces {
 public:
  KeyPlaces() = default;
  explicit KeyPlaces(absl::string_view file) : file_(file) {}

  void Put(const std::string& key, int line) { lines_.emplace(key, line); }

  // "agent.yaml:7: collector.address". A key that is absent has the line of the nearest one above
  // it ("collector"), or 1.
  std::string Of(absl::string_view key) const;
  // INVALID_ARGUMENT: "agent.yaml:7: collector.address: what".
  absl::Status Fault(absl::string_view key, absl::string_view what) const;

 private:
  std::string file_;
  std::map<std::string, int> lines_;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_KEY_PLACES_H_
