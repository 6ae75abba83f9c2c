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

// Writes every change of a detection or an incident as one line of JSON, {"detection": {…}} or
// {"incident": {…}}, to a file or to standard output. The store keeps its cursor, so that neither a
// restart nor a full disk leaves a change out; after a crash a line may come twice. Has a thread of
// its own.
class JsonLines final : public Notifier {
 public:
  // `target` is a file to append to (created with mode 0600) or "-". `store` is not owned.
  static absl::StatusOr<std::unique_ptr<JsonLines>> Create(store::Store* store,
                                                           const std::string& target);
  ~JsonLines() override;

  void Start() override;
  void Stop() override;
  // Opens the file that `json_output` names.
  absl::Status Reconfigure(const v1::CollectorConfig& config) override;
  // Opens the file again, since it may have been renamed. Where that fails, logs the error and goes
  // on with the old file.
  void Reopen() override;
  absl::StatusOr<bool> Deliver() override;
  // Writes every change since the last call.
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
  int64_t written_;  // revision up to which lines are written
  int64_t saved_;    // the same, as saved in the store
  TroubleLog trouble_;
  Mutex mutex_;
  std::string target_ ABSL_GUARDED_BY(mutex_);
  std::optional<LineFile> next_file_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_JSON_LINES_H_
