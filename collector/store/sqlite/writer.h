#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/sqlite/fact_writer.h"
#include "collector/store/sqlite/incident_writer.h"
#include "collector/store/sqlite/outbox_writer.h"
#include "collector/store/sqlite/row_numbers.h"
#include "collector/store/write_batch.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// The connection that writes facts, incidents and the outbox. Owned by the store; used by the
// engine's thread, and before that starts by the one that opens the store.
class Writer {
 public:
  struct Options {
    // Changed incidents go to the notifier's outbox, too.
    bool notify = false;
    // The greatest number of login attempts that are kept.
    int64_t max_login_attempts = 1'000'000;
  };

  static absl::StatusOr<std::unique_ptr<Writer>> Create(sqlite::Database database,
                                                        const Options& options);

  // Writes all of it or nothing; it is durable when OK is returned. `revision`, the number of the
  // last change that watchers can see, grows when the batch changes detections or incidents.
  absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns);
  int64_t revision() const { return numbers_.revision; }

  OutboxWriter* outbox() { return outbox_.get(); }
  // See Options::notify.
  void SetNotify(bool notify) { notify_ = notify; }

  sqlite::Database* database() { return &database_; }

 private:
  Writer(sqlite::Database database, const Options& options);
  absl::Status WriteAll(const WriteBatch& batch, const RowNumbers& before, int64_t now_wall_ns);

  sqlite::Database database_;
  bool notify_;
  RowNumbers numbers_;
  sqlite::Statement save_revision_, save_arrival_;
  std::unique_ptr<FactWriter> facts_;
  std::unique_ptr<IncidentWriter> incidents_;
  std::unique_ptr<OutboxWriter> outbox_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_
