#include "collector/store/sqlite/outbox_writer.h"

#include <algorithm>
#include <vector>

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
    "INSERT INTO outbox(incident, action, created, held) VALUES(?1, ?2, ?3, ?4) RETURNING id";
constexpr char kDropHeld[] =
    "DELETE FROM outbox WHERE incident = ?1 AND id >= (SELECT min(id) FROM outbox WHERE"
    " incident = ?1 AND held)";
constexpr char kRelease[] = "UPDATE outbox SET held = 0 WHERE id = ?1 AND held";
constexpr char kFindHeld[] = "SELECT id, created FROM outbox WHERE held";

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
  HT_RETURN_IF_ERROR(writer->LoadHeld());
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

absl::Status OutboxWriter::Release(const HoldClock& now, int64_t held_ns) {
  std::vector<int64_t> due;
  for (auto& [row, hold] : held_) {
    if (!hold.began_boot_ns) {
      const bool earlier = hold.created_wall_ns != 0;
      hold.began_boot_ns =
          now.boot_ns - (earlier ? std::max<int64_t>(now.wall_ns - hold.created_wall_ns, 0) : 0);
    }
    if (now.boot_ns - *hold.began_boot_ns >= held_ns) due.push_back(row);
  }
  if (due.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  bool released = false;
  for (const int64_t row : due) {
    HT_RETURN_IF_ERROR(release_.BindInt(1, row).Run());
    released = released || database_->Changes() > 0;
  }
  HT_RETURN_IF_ERROR(transaction.Commit());
  for (const int64_t row : due) held_.erase(row);
  if (released) ++changes_;
  return absl::OkStatus();
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
  add_.BindBlob(1, Blob(incident)).BindInt(2, action).BindInt(3, now_wall_ns);
  HT_RETURN_IF_ERROR(add_.BindInt(4, held).Step().status());
  if (held) held_[add_.Int(0)] = {};
  add_.Reset();
  return absl::OkStatus();
}

// Drops the incident's held page and the items behind it. False: no page of it is held.
absl::StatusOr<bool> OutboxWriter::DropHeld(const model::IncidentId& incident) {
  if (held_.empty()) return false;
  HT_RETURN_IF_ERROR(drop_held_.BindBlob(1, Blob(incident)).Run());
  return database_->Changes() > 0;
}

absl::Status OutboxWriter::LoadHeld() {
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, find_held_.Step());
    if (!row) break;
    held_[find_held_.Int(0)].created_wall_ns = find_held_.Int(1);
  }
  find_held_.Reset();
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
