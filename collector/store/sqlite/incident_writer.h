#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_WRITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/sqlite/outbox_writer.h"
#include "collector/store/sqlite/row_numbers.h"
#include "collector/store/write_batch.h"
#include "core/model/detection.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Writes detections and incidents, and which detections belong to which incident. A value that
// differs from the stored one gets a new revision; an equal one changes nothing. Part of the
// Writer, and used by its thread.
class IncidentWriter {
 public:
  // `database` and `numbers` are not owned.
  static absl::StatusOr<std::unique_ptr<IncidentWriter>> Create(sqlite::Database* database,
                                                                RowNumbers* numbers);

  // Within the Writer's transaction. `outbox` gets the changed incidents; null: it gets none.
  absl::Status Write(const WriteBatch& batch, OutboxWriter* outbox, int64_t now_wall_ns);

 private:
  IncidentWriter(sqlite::Database* database, RowNumbers* numbers)
      : database_(database), numbers_(numbers) {}

  absl::Status WriteDetection(const model::Detection& detection, int64_t now_wall_ns);
  absl::Status WriteIncident(const model::Incident& incident, OutboxWriter* outbox,
                             int64_t now_wall_ns);
  absl::Status AttachDetections(const model::Incident& incident);

  sqlite::Database* const database_;
  RowNumbers* const numbers_;
  sqlite::Statement find_detection_, detection_, attached_, attach_, find_incident_, incident_,
      clear_sessions_, incident_session_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_INCIDENT_WRITER_H_
