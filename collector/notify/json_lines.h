#ifndef HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

#include "collector/store/store.h"
#include "core/base/unique_fd.h"

namespace hoptrail::collector::notify {

// Writes every change of a detection or an incident as one line of JSON,
// {"detection": {…}} or {"incident": {…}}, to a file or to standard output. Its place is kept in
// the store, so that a restart leaves nothing out (a line may come twice). Own thread.
class JsonLines {
 public:
  // `target` is a file to append to (created with mode 0600) or "-". `store` is not owned.
  static absl::StatusOr<std::unique_ptr<JsonLines>> Create(store::Store* store,
                                                           const std::string& target);
  ~JsonLines();

  void Start();
  void Stop();
  // Writes what is new: for tests, and what the thread does.
  absl::Status WriteNew();

 private:
  JsonLines(store::Store* store, std::unique_ptr<store::Outbox> outbox, UniqueFd file,
            int64_t written);
  void Run();

  store::Store* const store_;
  const std::unique_ptr<store::Outbox> outbox_;
  const UniqueFd file_;
  int64_t written_;  // revision
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_JSON_LINES_H_
