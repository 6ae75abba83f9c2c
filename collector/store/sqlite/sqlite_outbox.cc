#include "collector/store/sqlite/sqlite_outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/blobs.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

using sqlite::Statement;

namespace {

constexpr char kFirstOfEach[] =
    "SELECT id, incident, action, version, held FROM outbox o WHERE NOT EXISTS (SELECT 1 FROM"
    " outbox e WHERE e.incident = o.incident AND e.id < o.id) ORDER BY id";
constexpr char kKeepDelivery[] =
    "INSERT OR REPLACE INTO deliveries(incident, attempts, attempted, reason)"
    " SELECT incident, attempts + 1, ?2, ?3 FROM outbox WHERE id = ?1";

}  // namespace

SqliteOutbox::SqliteOutbox(sqlite::Database database, Mutex* write_turn)
    : database_(std::move(database)), write_turn_(write_turn) {}

absl::StatusOr<std::unique_ptr<Outbox>> SqliteOutbox::Open(const std::string& path,
                                                           Mutex* write_turn) {
  HT_ASSIGN_OR_RETURN(
      sqlite::Database database,
      sqlite::Database::Open({.path = path, .busy_timeout_ms = 30'000, .durable = false}));
  return std::unique_ptr<Outbox>(new SqliteOutbox(std::move(database), write_turn));
}

absl::StatusOr<std::optional<Outbox::Item>> SqliteOutbox::Next(
    absl::FunctionRef<bool(const Item&)> due) {
  HT_ASSIGN_OR_RETURN(Statement select, database_.Prepare(kFirstOfEach));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return std::optional<Item>();
    const Item item{.id = select.Int(0),
                    .incident = IdFrom<model::IncidentId>(select.Blob(1)),
                    .action = static_cast<Action>(select.Int(2)),
                    .version = select.Int(3),
                    .held = select.Int(4) != 0};
    if (due(item)) return item;
  }
}

absl::Status SqliteOutbox::Done(const Item& item, int64_t wall_ns, absl::string_view note) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(&database_));
  HT_ASSIGN_OR_RETURN(Statement keep, database_.Prepare(kKeepDelivery));
  HT_RETURN_IF_ERROR(keep.BindInt(1, item.id).BindInt(2, wall_ns).BindText(3, note).Run());
  HT_ASSIGN_OR_RETURN(Statement remove,
                      database_.Prepare("DELETE FROM outbox WHERE id = ?1 AND version = ?2"));
  HT_RETURN_IF_ERROR(remove.BindInt(1, item.id).BindInt(2, item.version).Run());
  HT_ASSIGN_OR_RETURN(
      Statement again,
      database_.Prepare("UPDATE outbox SET attempts = 0, reason = '', next_attempt = 0, held = 0"
                        " WHERE id = ?1"));
  HT_RETURN_IF_ERROR(again.BindInt(1, item.id).Run());
  HT_ASSIGN_OR_RETURN(Statement well, database_.Prepare("DELETE FROM notifiers WHERE name = ?1"));
  HT_RETURN_IF_ERROR(well.BindText(1, kPagerDuty).Run());
  return transaction.Commit();
}

absl::Status SqliteOutbox::Failed(const Item& item, const Failure& failure, bool of_service) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(&database_));
  HT_ASSIGN_OR_RETURN(Statement update,
                      database_.Prepare("UPDATE outbox SET attempts = attempts + 1, attempted = ?2,"
                                        " next_attempt = ?3, reason = ?4 WHERE id = ?1"));
  update.BindInt(1, item.id).BindInt(2, failure.wall_ns).BindInt(3, failure.next_wall_ns);
  HT_RETURN_IF_ERROR(update.BindText(4, failure.reason).Run());
  if (of_service) {
    HT_ASSIGN_OR_RETURN(
        Statement note,
        database_.Prepare("INSERT OR REPLACE INTO notifiers VALUES(?1, ?2, ?3, ?4)"));
    note.BindText(1, kPagerDuty).BindInt(2, failure.wall_ns).BindInt(3, failure.next_wall_ns);
    HT_RETURN_IF_ERROR(note.BindText(4, failure.reason).Run());
  }
  return transaction.Commit();
}

absl::Status SqliteOutbox::Remove(const Item& item) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(Statement remove, database_.Prepare("DELETE FROM outbox WHERE id = ?1"));
  return remove.BindInt(1, item.id).Run();
}

absl::StatusOr<int64_t> SqliteOutbox::Number(absl::string_view sql) {
  HT_ASSIGN_OR_RETURN(Statement select, database_.Prepare(sql));
  HT_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0);
}

absl::StatusOr<int64_t> SqliteOutbox::Waiting() { return Number("SELECT count(*) FROM outbox"); }

absl::StatusOr<int64_t> SqliteOutbox::LastId() {
  return Number("SELECT coalesce(max(id), 0) FROM outbox");
}

absl::StatusOr<std::optional<int64_t>> SqliteOutbox::LoadCursor(absl::string_view consumer) {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_.Prepare("SELECT value FROM meta WHERE name = ?1"));
  select.BindText(1, absl::StrCat("cursor.", consumer));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  return row ? std::optional<int64_t>(select.Int(0)) : std::nullopt;
}

absl::Status SqliteOutbox::SaveCursor(absl::string_view consumer, int64_t revision) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(Statement save,
                      database_.Prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)"));
  return save.BindText(1, absl::StrCat("cursor.", consumer)).BindInt(2, revision).Run();
}

}  // namespace hoptrail::collector::store
