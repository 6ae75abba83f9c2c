#include "collector/store/sqlite/outbox_writer.h"

#include "collector/store/outbox.h"
#include "collector/store/sqlite/codec.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using model::Incident;
using sqlite::Statement;

constexpr char kLast[] =
    "SELECT id, action FROM outbox WHERE incident = ?1 ORDER BY id DESC LIMIT 1";
constexpr char kAgain[] = "UPDATE outbox SET version = version + 1, attempts = 0 WHERE id = ?1";
constexpr char kAdd[] =
    "INSERT INTO outbox(incident, action, created, held) VALUES(?1, ?2, ?3, ?4)";
constexpr char kDropHeld[] =
    "DELETE FROM outbox WHERE incident = ?1 AND id >= (SELECT min(id) FROM outbox WHERE"
    " incident = ?1 AND held)";
// A row of the future is one of before the clock was put back.
constexpr char kRelease[] =
    "UPDATE outbox SET held = 0 WHERE held AND (created <= ?1 - ?2 OR created > ?1)";
constexpr char kFindHeld[] = "SELECT 1 FROM outbox WHERE held LIMIT 1";

// Whether a person should hear of it again: not for a new time stamp alone.
bool Grew(Incident before, const Incident& after) {
  before.updated_wall_ns = after.updated_wall_ns;
  before.state = after.state;
  before.changed_by = after.changed_by;
  return !(before == after);
}

bool Over(const Incident& incident) {
  return incident.state == model::IncidentState::kResolved || !incident.merged_into.empty();
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutboxWriter>> OutboxWriter::Create(sqlite::Database* database) {
  std::unique_ptr<OutboxWriter> writer(new OutboxWriter(database));
  HT_ASSIGN_OR_RETURN(writer->last_, database->Prepare(kLast));
  HT_ASSIGN_OR_RETURN(writer->again_, database->Prepare(kAgain));
  HT_ASSIGN_OR_RETURN(writer->add_, database->Prepare(kAdd));
  HT_ASSIGN_OR_RETURN(writer->drop_held_, database->Prepare(kDropHeld));
  HT_ASSIGN_OR_RETURN(writer->release_, database->Prepare(kRelease));
  HT_ASSIGN_OR_RETURN(writer->find_held_, database->Prepare(kFindHeld));
  HT_RETURN_IF_ERROR(writer->LookForHeld());
  return writer;
}

absl::Status OutboxWriter::Tell(const Incident* before, const Incident& incident,
                                int64_t now_wall_ns) {
  const bool was_over = before == nullptr || Over(*before);
  if (Over(incident)) {
    if (was_over) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(const bool never_told, DropHeld(incident.id));
    return never_told ? absl::OkStatus()
                      : Enqueue(incident.id, Outbox::kResolve, now_wall_ns, /*held=*/false);
  }
  if (was_over || Grew(*before, incident)) {
    HT_RETURN_IF_ERROR(Enqueue(incident.id, Outbox::kTrigger, now_wall_ns, /*held=*/was_over));
  }
  if (before != nullptr && incident.state == model::IncidentState::kAcknowledged &&
      before->state != incident.state) {
    return Enqueue(incident.id, Outbox::kAcknowledge, now_wall_ns, /*held=*/false);
  }
  return absl::OkStatus();
}

absl::Status OutboxWriter::Release(int64_t now_wall_ns, int64_t held_ns) {
  HT_RETURN_IF_ERROR(release_.BindInt(1, now_wall_ns).BindInt(2, held_ns).Run());
  if (database_->Changes() > 0) ++changes_;
  return LookForHeld();
}

absl::Status OutboxWriter::Enqueue(const model::IncidentId& incident, int action,
                                   int64_t now_wall_ns, bool held) {
  last_.BindBlob(1, Blob(incident));
  HT_ASSIGN_OR_RETURN(bool waiting, last_.Step());
  const int64_t row = waiting ? last_.Int(0) : 0;
  const bool same = waiting && last_.Int(1) == action;
  last_.Reset();
  ++changes_;
  // The event is made when it is sent, from the incident as it stands then: one row is enough.
  if (same) return again_.BindInt(1, row).Run();
  holds_ = holds_ || held;
  add_.BindBlob(1, Blob(incident)).BindInt(2, action).BindInt(3, now_wall_ns);
  return add_.BindInt(4, held).Run();
}

// And what waits behind it. False: none is held.
absl::StatusOr<bool> OutboxWriter::DropHeld(const model::IncidentId& incident) {
  if (!holds_) return false;
  HT_RETURN_IF_ERROR(drop_held_.BindBlob(1, Blob(incident)).Run());
  return database_->Changes() > 0;
}

absl::Status OutboxWriter::LookForHeld() {
  HT_ASSIGN_OR_RETURN(holds_, find_held_.Step());
  find_held_.Reset();
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
