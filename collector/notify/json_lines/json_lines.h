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
#include "collector/notify/notifier.h"
#include "collector/store/store.h"
#include "core/base/mutex.h"
#include "core/base/trouble_log.h"

namespace hoptrail::collector::notify {

// Writes every change of a detection or an incident as one line of JSON,
// {"detection": {…}} or {"incident": {…}}, to a file or to standard output. Its place is kept in
// the store, so that neither a restart nor a full disk leaves anything out (after a crash a line
// may come twice). Own thread.
class JsonLines final : public Notifier {
 public:
  // `target` is a file to append to (created with mode 0600) or "-". `store` is not owned.
  static absl::StatusOr<std::unique_ptr<JsonLines>> Create(store::Store* store,
                                                           const std::string& target);
  ~JsonLines() override;

  void Start() override;
  void Stop() override;
  // From `json_output` in the configuration.
  absl::Status Reconfigure(const v1::CollectorConfig& config) override;
  // Opens the file anew, which was renamed perhaps. Where that fails the old one stays in use, and
  // the log says so.
  void Reopen() override;
  absl::StatusOr<bool> Deliver() override;
  // Writes all that is new.
  absl::Status WriteNew();

 private:
  JsonLines(store::Store* store, std::unique_ptr<store::Outbox> outbox, const std::string& target,
            LineFile file, int64_t written);
  void Run();
  absl::Status Open(const std::string& target);
  void TakeNextFile();

  store::Store* const store_;
  const std::unique_ptr<store::Outbox> outbox_;
  LineFile file_;
  int64_t written_;  // revision
  int64_t saved_;    // as far as the store knows
  TroubleLog trouble_;
  Mutex mutex_;
  std::string target_ ABSL_GUARDED_BY(mutex_);
  std::optional<LineFile> next_file_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_JSON_LINES_H_
