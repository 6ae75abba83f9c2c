#include "collector/store/outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/store/codec.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

using sqlite::Statement;

Outbox::Outbox(sqlite::Database database, Mutex* write_turn)
    : database_(std::move(database)), write_turn_(write_turn) {}

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(const std::string& path, Mutex* write_turn) {
  HT_ASSIGN_OR_RETURN(
      sqlite::Database database,
      sqlite::Database::Open({.path = path, .busy_timeout_ms = 30'000, .durable = false}));
  return std::unique_ptr<Outbox>(new Outbox(std::move(database), write_turn));
}

absl::StatusOr<std::optional<Outbox::Item>> Outbox::Next(int64_t now_wall_ns) {
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_.Prepare(
          "SELECT id, incident, action, version, attempts, created FROM outbox o"
          " WHERE NOT failed AND NOT held AND not_before <= ?1 AND NOT EXISTS (SELECT 1 FROM"
          " outbox e WHERE e.incident = o.incident AND e.id < o.id AND NOT e.failed)"
          " ORDER BY id LIMIT 1"));
  select.BindInt(1, now_wall_ns);
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return std::optional<Item>();
  return Item{.id = select.Int(0),
              .incident = IdFrom<model::IncidentId>(select.Blob(1)),
              .action = static_cast<Action>(select.Int(2)),
              .version = select.Int(3),
              .attempts = select.Int(4),
              .created_wall_ns = select.Int(5)};
}

absl::Status Outbox::Done(const Item& item) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(&database_));
  HT_ASSIGN_OR_RETURN(Statement remove,
                      database_.Prepare("DELETE FROM outbox WHERE id = ?1 AND version = ?2"));
  HT_RETURN_IF_ERROR(remove.BindInt(1, item.id).BindInt(2, item.version).Run());
  HT_ASSIGN_OR_RETURN(
      Statement again,
      database_.Prepare("UPDATE outbox SET attempts = 0, not_before = 0 WHERE id = ?1"));
  HT_RETURN_IF_ERROR(again.BindInt(1, item.id).Run());
  return transaction.Commit();
}

absl::Status Outbox::Retry(const Item& item, int64_t not_before_wall_ns, absl::string_view reason) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(Statement update,
                      database_.Prepare("UPDATE outbox SET attempts = attempts + 1,"
                                        " not_before = ?2, reason = ?3 WHERE id = ?1"));
  return update.BindInt(1, item.id).BindInt(2, not_before_wall_ns).BindText(3, reason).Run();
}

absl::Status Outbox::Park(const Item& item, absl::string_view reason) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(
      Statement update,
      database_.Prepare("UPDATE outbox SET failed = 1, attempts = attempts + 1, reason = ?2"
                        " WHERE id = ?1"));
  return update.BindInt(1, item.id).BindText(2, reason).Run();
}

absl::StatusOr<int64_t> Outbox::Count(absl::string_view sql) {
  HT_ASSIGN_OR_RETURN(Statement select, database_.Prepare(sql));
  HT_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0);
}

absl::StatusOr<int64_t> Outbox::Waiting() {
  return Count("SELECT count(*) FROM outbox WHERE NOT failed");
}

absl::StatusOr<int64_t> Outbox::Parked() {
  return Count("SELECT count(*) FROM outbox WHERE failed");
}

absl::StatusOr<std::optional<int64_t>> Outbox::LoadCursor(absl::string_view consumer) {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_.Prepare("SELECT value FROM meta WHERE name = ?1"));
  select.BindText(1, absl::StrCat("cursor.", consumer));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  return row ? std::optional<int64_t>(select.Int(0)) : std::nullopt;
}

absl::Status Outbox::SaveCursor(absl::string_view consumer, int64_t revision) {
  MutexLock turn(write_turn_);
  HT_ASSIGN_OR_RETURN(Statement save,
                      database_.Prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)"));
  return save.BindText(1, absl::StrCat("cursor.", consumer)).BindInt(2, revision).Run();
}

}  // namespace hoptrail::collector::store
