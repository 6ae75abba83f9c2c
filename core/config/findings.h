#ifndef HOPTRAIL_CORE_CONFIG_FINDINGS_H_
#define HOPTRAIL_CORE_CONFIG_FINDINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "core/config/key_places.h"

namespace hoptrail::config {

// How bad a finding is, least first.
enum class Weight {
  kWarning,  // works, but not as it should be
  kPassing,  // cannot work at present; may pass without a change of the configuration
  kError,    // cannot work
};

struct Finding {
  Weight weight = Weight::kError;
  std::string text;  // "agent.yaml:9: collector.tls.key_file: …", with what to do
};

// The findings of a check of a configuration and of the files that it names. One thread.
class Findings {
 public:
  explicit Findings(KeyPlaces places) : places_(std::move(places)) {}

  void Add(Weight weight, absl::string_view key, absl::string_view what);
  // Nothing for OK.
  void Add(Weight weight, absl::string_view key, const absl::Status& status);

  const std::vector<Finding>& all() const { return all_; }
  // The first finding of at least that weight as INVALID_ARGUMENT, or OK.
  absl::Status FirstOf(Weight least) const;

 private:
  const KeyPlaces places_;
  std::vector<Finding> all_;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_FINDINGS_H_
