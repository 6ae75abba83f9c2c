#include "collector/store/sqlite/sqlite_store.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/retention.h"
#include "collector/store/sqlite/schema.h"
#include "collector/store/sqlite/snapshot.h"
#include "collector/store/sqlite/sqlite_outbox.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/quarantine.h"
#include <sys/file.h>
#include <sys/stat.h>

namespace hoptrail::collector::store {
namespace {

absl::Status MakeDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return absl::OkStatus();
  const std::string directory = path.substr(0, slash);
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("mkdir ", directory));
}

// Two collectors on one file would each overwrite the other's state.
absl::StatusOr<UniqueFd> Lock(const std::string& path) {
  const std::string name = path + ".lock";
  UniqueFd file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("open ", name));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("the store ", path, " is in use by another process"));
  }
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const SqliteOptions& options,
                                                               int64_t now_wall_ns) {
  HT_RETURN_IF_ERROR(MakeDirectoryOf(options.path));
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = OpenIn(options, now_wall_ns);
  if (!store.ok()) return Annotate(store.status(), absl::StrCat("store ", options.path));
  return store;
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::OpenIn(const SqliteOptions& options,
                                                                 int64_t now_wall_ns) {
  std::unique_ptr<SqliteStore> store(new SqliteStore());
  store->options_ = options;
  HT_ASSIGN_OR_RETURN(store->lock_, Lock(options.path));
  HT_ASSIGN_OR_RETURN(
      sqlite::Database database,
      sqlite::OpenOrQuarantine({.path = options.path}, "store", now_wall_ns, &store->quarantined_));
  HT_RETURN_IF_ERROR(Migrate(&database));
  // No stream survives the process. A full disk must not keep the collector from answering queries.
  const absl::Status written = store->RecordWrite(
      database.Execute(
          absl::StrCat("UPDATE hosts SET state = ", static_cast<int>(HostState::kDisconnected),
                       " WHERE state = ", static_cast<int>(HostState::kConnected))),
      now_wall_ns);
  if (!written.ok()) LogError("store", store->trouble()->detail);
  HT_RETURN_IF_ERROR(database.Execute("PRAGMA journal_size_limit=67108864"));
  HT_ASSIGN_OR_RETURN(store->writer_, Writer::Create(std::move(database), options.writer));
  HT_ASSIGN_OR_RETURN(store->readers_, ReaderPool::Open(options.path, options.readers));
  store->changes()->Announce(store->writer_->revision());
  return store;
}

absl::Status SqliteStore::CheckFile() const {
  if (!writer_->database()->HasMoved()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(options_.path, " was removed or replaced while it is open: put it back, or ",
                   "restart the collector"));
}

absl::Status SqliteStore::RecordWrite(absl::Status status, int64_t now_wall_ns) {
  MutexLock lock(&trouble_mutex_);
  if (status.ok()) {
    if (trouble_) LogInfo("store", "can be written again");
    trouble_.reset();
    return status;
  }
  if (!trouble_) {
    trouble_ = model::Degradation{model::DegradationKind::kCollectorStoreReadOnly, "", now_wall_ns};
  }
  trouble_->detail = absl::StrCat("the collector's store cannot be written: ", status.message());
  return status;
}

absl::Status SqliteStore::Write(const WriteBatch& batch, int64_t now_wall_ns) {
  {
    MutexLock turn(&write_turn_);
    absl::Status written = CheckFile();
    if (written.ok()) written = writer_->Write(batch, now_wall_ns);
    HT_RETURN_IF_ERROR(RecordWrite(std::move(written), now_wall_ns));
  }
  changes()->Announce(writer_->revision());
  outbox_changes()->Announce(writer_->outbox()->changes());
  return absl::OkStatus();
}

absl::Status SqliteStore::ReleasePages(const HoldClock& now, int64_t held_ns) {
  {
    MutexLock turn(&write_turn_);
    HT_RETURN_IF_ERROR(RecordWrite(writer_->outbox()->Release(now, held_ns), now.wall_ns));
  }
  outbox_changes()->Announce(writer_->outbox()->changes());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Outbox>> SqliteStore::OpenOutbox() {
  return SqliteOutbox::Open(options_.path, &write_turn_);
}

absl::StatusOr<Snapshot> SqliteStore::LoadSnapshot() {
  return store::LoadSnapshot(writer_->database());
}

absl::StatusOr<std::vector<HostRow>> SqliteStore::LoadHosts() {
  return store::LoadHosts(writer_->database());
}

absl::Status SqliteStore::CheckWritable(int64_t now_wall_ns) {
  MutexLock turn(&write_turn_);
  absl::Status written = CheckFile();
  if (written.ok()) {
    written = writer_->database()->Execute(
        absl::StrCat("INSERT OR REPLACE INTO meta VALUES('checked', ", now_wall_ns, ")"));
  }
  return RecordWrite(std::move(written), now_wall_ns);
}

absl::StatusOr<int64_t> SqliteStore::ApplyRetention(int64_t now_wall_ns) {
  MutexLock turn(&write_turn_);
  auto removed = store::ApplyRetention(writer_->database(), options_.retention, now_wall_ns);
  HT_RETURN_IF_ERROR(RecordWrite(removed.status(), now_wall_ns));
  return removed;
}

absl::StatusOr<std::vector<model::HostId>> SqliteStore::ForgetHosts(int64_t before_wall_ns) {
  MutexLock turn(&write_turn_);
  return store::ForgetHosts(writer_->database(), before_wall_ns);
}

}  // namespace hoptrail::collector::store
