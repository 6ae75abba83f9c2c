#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_STORE_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "collector/store/sqlite/reader_pool.h"
#include "collector/store/sqlite/writer.h"
#include "collector/store/store.h"
#include "core/base/mutex.h"
#include "core/base/unique_fd.h"

namespace hoptrail::collector::store {

// The store's file, its bounds, and how many connections read it.
struct SqliteOptions {
  std::string path;
  RetentionLimits retention;
  Writer::Options writer;
  size_t readers = 4;
};

// One SQLite file and the connections to it: one that writes facts, some that read, and one for
// each notifier. A damaged file is quarantined, reported, and replaced by a new one.
class SqliteStore final : public Store {
 public:
  // Creates the file's directory (mode 0700) where it is missing. ALREADY_EXISTS when another
  // process has the store open.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const SqliteOptions& options,
                                                           int64_t now_wall_ns);

  absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns) override;
  absl::Status ReleasePages(const HoldClock& now, int64_t held_ns) override;
  bool HoldsPages() const override { return writer_->outbox()->holds(); }
  void SetNotify(bool notify) override { writer_->SetNotify(notify); }
  absl::StatusOr<int64_t> ApplyRetention(int64_t now_wall_ns) override;
  absl::StatusOr<std::vector<model::HostId>> ForgetHosts(int64_t before_wall_ns) override;
  void SetRetention(const RetentionLimits& limits) override { options_.retention = limits; }
  int64_t max_age_ns() const override { return options_.retention.max_age_ns; }
  absl::StatusOr<Snapshot> LoadSnapshot() override;
  absl::StatusOr<std::vector<HostRow>> LoadHosts() override;
  absl::Status CheckWritable(int64_t now_wall_ns) override;

  std::optional<model::Degradation> trouble() const override {
    MutexLock lock(&trouble_mutex_);
    return trouble_;
  }
  ReaderLease BorrowReader() override { return readers_->Borrow(); }
  absl::StatusOr<std::unique_ptr<Outbox>> OpenOutbox() override;

  // The name under which a damaged file was quarantined; empty where there was none.
  const std::string& quarantined() const { return quarantined_; }
  // For tests.
  Writer* writer() { return writer_.get(); }

 private:
  SqliteStore() = default;
  static absl::StatusOr<std::unique_ptr<SqliteStore>> OpenIn(const SqliteOptions& options,
                                                             int64_t now_wall_ns);
  // UNAVAILABLE where the file was removed or replaced.
  absl::Status CheckFile() const;
  // Sets or clears `trouble` by the outcome of a write, which it returns.
  absl::Status RecordWrite(absl::Status status, int64_t now_wall_ns);

  SqliteOptions options_;
  UniqueFd lock_;  // held as long as anything is open
  Mutex write_turn_;
  std::string quarantined_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  mutable Mutex trouble_mutex_;
  std::optional<model::Degradation> trouble_ ABSL_GUARDED_BY(trouble_mutex_);
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_STORE_H_
