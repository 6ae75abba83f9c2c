#ifndef HOPTRAIL_COLLECTOR_APP_NOTIFIERS_H_
#define HOPTRAIL_COLLECTOR_APP_NOTIFIERS_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/api/assemble.h"
#include "collector/notify/notifier.h"
#include "collector/store/store.h"

namespace hoptrail::collector::app {

// The configured notifiers. notifiers.cc has a row for each kind. Owned by the Collector, and used
// by its thread.
class Notifiers {
 public:
  // `store` is not owned and outlives it.
  Notifiers(store::Store* store, api::PathSource path_of)
      : store_(store), path_of_(std::move(path_of)) {}

  absl::Status Create(const v1::CollectorConfig& config);
  void Start();
  void Stop();
  // Starts, reconfigures and stops notifiers as the configuration says. Logs why one cannot be
  // changed, and leaves it as it was.
  void Reconfigure(const v1::CollectorConfig& config);
  void Reopen();

 private:
  struct Kind;
  struct Entry {
    const Kind* kind;
    std::unique_ptr<notify::Notifier> notifier;  // null: not configured
  };
  static const std::vector<Kind>& Kinds();

  store::Store* const store_;
  const api::PathSource path_of_;
  std::vector<Entry> entries_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_NOTIFIERS_H_
