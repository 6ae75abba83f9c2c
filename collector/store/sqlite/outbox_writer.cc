#include "collector/store/sqlite/outbox_writer.h"

#include "collector/store/outbox.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/prepare.h"
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
// A row from the future was created before the clock was set back.
constexpr char kRelease[] =
    "UPDATE outbox SET held = 0 WHERE held AND (created <= ?1 - ?2 OR created > ?1)";
constexpr char kFindHeld[] = "SELECT 1 FROM outbox WHERE held LIMIT 1";

// Whether people should be notified again. A new time stamp alone is no reason.
bool NeedsPage(Incident before, const Incident& after) {
  before.updated_wall_ns = after.updated_wall_ns;
  before.state = after.state;
  before.changed_by = after.changed_by;
  return !(before == after);
}

bool IsOver(const Incident& incident) {
  return incident.state == model::IncidentState::kResolved || !incident.merged_into.empty();
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutboxWriter>> OutboxWriter::Create(sqlite::Database* database) {
  std::unique_ptr<OutboxWriter> writer(new OutboxWriter(database));
  HT_RETURN_IF_ERROR(PrepareAll(database, {{&writer->last_, kLast},
                                           {&writer->again_, kAgain},
                                           {&writer->add_, kAdd},
                                           {&writer->drop_held_, kDropHeld},
                                           {&writer->release_, kRelease},
                                           {&writer->find_held_, kFindHeld}}));
  HT_RETURN_IF_ERROR(writer->UpdateHolds());
  return writer;
}

absl::Status OutboxWriter::EnqueueChange(const Incident* before, const Incident& incident,
                                         int64_t now_wall_ns) {
  const bool was_over = before == nullptr || IsOver(*before);
  if (IsOver(incident)) {
    if (was_over) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(const bool never_sent, DropHeld(incident.id));
    return never_sent ? absl::OkStatus()
                      : Enqueue(incident.id, Outbox::kResolve, now_wall_ns, /*held=*/false);
  }
  if (was_over || NeedsPage(*before, incident)) {
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
  return UpdateHolds();
}

absl::Status OutboxWriter::Enqueue(const model::IncidentId& incident, int action,
                                   int64_t now_wall_ns, bool held) {
  last_.BindBlob(1, Blob(incident));
  HT_ASSIGN_OR_RETURN(bool waiting, last_.Step());
  const int64_t row = waiting ? last_.Int(0) : 0;
  const bool same = waiting && last_.Int(1) == action;
  last_.Reset();
  ++changes_;
  // The event is built when it is sent, from the incident as it is then: one row is enough.
  if (same) return again_.BindInt(1, row).Run();
  holds_ = holds_ || held;
  add_.BindBlob(1, Blob(incident)).BindInt(2, action).BindInt(3, now_wall_ns);
  return add_.BindInt(4, held).Run();
}

// Drops the incident's held page and the items behind it. False: no page of it is held.
absl::StatusOr<bool> OutboxWriter::DropHeld(const model::IncidentId& incident) {
  if (!holds_) return false;
  HT_RETURN_IF_ERROR(drop_held_.BindBlob(1, Blob(incident)).Run());
  return database_->Changes() > 0;
}

absl::Status OutboxWriter::UpdateHolds() {
  HT_ASSIGN_OR_RETURN(holds_, find_held_.Step());
  find_held_.Reset();
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
