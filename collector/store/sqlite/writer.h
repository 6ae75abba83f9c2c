#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/sqlite/outbox_writer.h"
#include "collector/store/views.h"
#include "collector/store/write_batch.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// The connection that writes facts. Owned by the Store; used by one thread (the engine's), but for
// the calls before that thread starts.
class Writer {
 public:
  struct Options {
    // Incidents go to the notifier's outbox too.
    bool notify = false;
    // Login attempts kept at most.
    int64_t max_login_attempts = 1'000'000;
  };

  static absl::StatusOr<std::unique_ptr<Writer>> Create(sqlite::Database database,
                                                        const Options& options);
  ~Writer();

  // All of it or nothing, durable when it returns OK. `revision`, the number of the last change
  // that watchers can see, grows when detections or incidents are among it.
  absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns);
  int64_t revision() const { return revision_; }

  OutboxWriter* outbox() { return outbox_.get(); }
  // See Options::notify.
  void SetNotify(bool notify) { options_.notify = notify; }

  absl::StatusOr<Snapshot> LoadSnapshot();
  absl::StatusOr<std::vector<HostRow>> LoadHosts();

  sqlite::Database* database() { return &database_; }

 private:
  struct Statements;
  Writer(sqlite::Database database, const Options& options);

  absl::Status WriteHost(const model::HostId& host, const HostChange& change);
  absl::Status WriteSession(const model::Session& session, int64_t now_wall_ns);
  absl::Status WriteHop(const StoredHop& stored);
  absl::Status WriteEdge(const model::EdgeCount& edge);
  absl::Status WriteDetection(const model::Detection& detection);
  absl::Status WriteIncident(const model::Incident& incident, int64_t now_wall_ns);
  absl::Status AttachDetections(const model::Incident& incident);
  absl::Status WriteAppended(const WriteBatch& batch);

  sqlite::Database database_;
  Options options_;
  std::unique_ptr<Statements> statements_;
  std::unique_ptr<OutboxWriter> outbox_;
  int64_t revision_ = 0;
  int64_t arrival_ = 0;  // of the row that was added last: docs/decisions/0019
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_WRITER_H_
