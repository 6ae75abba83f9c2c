#ifndef HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_JSON_LINES_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_JSON_LINES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/notify/json_lines/line_file.h"
#include "collector/store/sqlite/store.h"
#include "core/base/mutex.h"
#include "core/base/trouble_log.h"

namespace hoptrail::collector::notify {

// Writes every change of a detection or an incident as one line of JSON,
// {"detection": {…}} or {"incident": {…}}, to a file or to standard output. Its place is kept in
// the store, so that neither a restart nor a full disk leaves anything out (after a crash a line
// may come twice). Own thread.
class JsonLines {
 public:
  // `target` is a file to append to (created with mode 0600) or "-". `store` is not owned.
  static absl::StatusOr<std::unique_ptr<JsonLines>> Create(store::Store* store,
                                                           const std::string& target);
  ~JsonLines();

  void Start();
  void Stop();
  // Opens the file anew, before the next line: it was renamed, or is another one. The old one stays
  // in use where that fails, and the log says so. Thread-safe.
  void Reopen(const std::string& target);
  // Writes what is new: for tests, and what the thread does.
  absl::Status WriteNew();

 private:
  JsonLines(store::Store* store, std::unique_ptr<store::Outbox> outbox, LineFile file,
            int64_t written);
  void Run();
  void ReopenIfAsked();

  store::Store* const store_;
  const std::unique_ptr<store::Outbox> outbox_;
  LineFile file_;
  int64_t written_;  // revision
  int64_t saved_;    // as far as the store knows
  TroubleLog trouble_;
  Mutex mutex_;
  std::optional<std::string> reopen_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_JSON_LINES_H_
