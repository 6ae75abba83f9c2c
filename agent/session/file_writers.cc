#include "agent/session/file_writers.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/session/influences.h"
#include "agent/session/startup_files.h"

namespace hoptrail::agent::session {
namespace {

// Puts a file in its place or opens it for writing.
bool Writes(const decode::File& file) {
  return file.action != decode::FileAction::kUnknown &&
         (file.action != decode::FileAction::kOpen || file.writes);
}

bool IsHomeOf(const model::Session& session, const FileWriter& writer, const StartupFile& file) {
  return session.uid == writer.owner || (!session.user.empty() && file.name == session.user);
}

bool IsLogin(const model::Session& session) {
  return session.logged_in || session.kind == model::EntryKind::kConsole;
}

// How likely it is that the session does what the writer has put into the file; 0 if it does not
// run that file. A file may have other contents, and other files may be run: the closer the file is
// to this session alone, the likelier.
double ProbabilityOf(const Node& node, const FileWriter& writer) {
  const model::Session& session = node.session;
  const StartupFile file = StartupFileAt(writer.path);
  const bool job = session.kind == model::EntryKind::kCron && !node.timers_job;
  switch (file.run_by) {
    case RunBy::kNobody:
      return 0;
    case RunBy::kLoginsOfUser:
      return IsLogin(session) && IsHomeOf(session, writer, file) ? 0.3 : 0;
    case RunBy::kKeyLogins:
      return IsLogin(session) && session.authentication.method == model::AuthMethod::kPublicKey &&
                     IsHomeOf(session, writer, file)
                 ? 0.2
                 : 0;
    case RunBy::kAllLogins:
      return IsLogin(session) ? 0.1 : 0;
    case RunBy::kJobsOfUser:
      if (!job) return 0;
      if (file.name == session.user) return 0.8;
      // crontab writes a new file, which it then renames. Not every kernel shows the rename.
      return absl::StartsWith(file.name, "tmp.") && writer.owner == session.uid ? 0.7 : 0;
    case RunBy::kAllJobs:
      return job ? 0.4 : 0;
    case RunBy::kAtJobs:
      return job && writer.owner == session.uid ? 0.6 : 0;
    case RunBy::kUnit:
      return !session.unit.empty() && file.name == session.unit ? 0.8 : 0;
  }
  return 0;
}

// The same account from the same address: the person who logs in now has written the file.
bool IsSamePerson(const model::Session& session, const FileWriter& writer) {
  return session.entry.has_value() && !writer.origin.empty() && session.user == writer.user &&
         model::ToString(session.entry->flow.client.address) == writer.origin;
}

}  // namespace

void FileWriters::Restore(std::vector<FileWriter> writers) {
  writers_ = std::move(writers);
  std::sort(writers_.begin(), writers_.end(), [](const FileWriter& left, const FileWriter& right) {
    return left.written_wall_ns < right.written_wall_ns;
  });
  if (writers_.size() > kMaxWriters) {
    writers_.erase(writers_.begin(), writers_.end() - kMaxWriters);
  }
}

void FileWriters::Remove(size_t index) {
  const auto removed = writers_.begin() + static_cast<ptrdiff_t>(index);
  if (tables_.store != nullptr) tables_.store->RemoveFileWriter(removed->path, removed->session);
  writers_.erase(removed);
}

void FileWriters::HoldBounds(const FileWriter& added) {
  const auto hold = [&](size_t bound, auto counts) {
    size_t count = 0;
    size_t oldest = writers_.size();
    for (size_t i = 0; i < writers_.size(); ++i) {
      if (!counts(writers_[i])) continue;
      if (count++ == 0) oldest = i;
    }
    if (count > bound) Remove(oldest);
  };
  const FileWriter writer = added;  // Remove() moves the elements
  hold(kMaxOfFile, [&](const FileWriter& each) { return each.path == writer.path; });
  hold(kMaxOfSession, [&](const FileWriter& each) { return each.session == writer.session; });
  hold(kMaxWriters, [](const FileWriter&) { return true; });
}

void FileWriters::OnFile(const process::Process& process, const decode::File& file) {
  if (!Writes(file)) return;
  const Node* node = tables_.NodeOf(process);
  if (node == nullptr || node->pending() || !node->from_remote) return;
  if (StartupFileAt(file.path).run_by == RunBy::kNobody) return;
  const model::Session& session = node->session;
  FileWriter writer;
  writer.path = file.path;
  writer.device = file.device;
  writer.inode = file.inode;
  writer.owner = file.owner;
  writer.session = session.id;
  writer.user = session.user;
  if (session.entry.has_value()) {
    writer.origin = model::ToString(session.entry->flow.client.address);
  }
  writer.written_wall_ns = tables_.now_wall_ns();
  std::erase_if(writers_, [&](const FileWriter& each) {
    return each.path == writer.path && each.session == writer.session;
  });
  if (tables_.store != nullptr) tables_.store->SaveFileWriter(writer);
  writers_.push_back(std::move(writer));
  HoldBounds(writers_.back());
}

void FileWriters::AddDrivers(Node& node) const {
  model::Session& session = node.session;
  if (writers_.empty() || session.closed_wall_ns != 0) return;
  model::Drivers drivers;
  for (auto writer = writers_.rbegin(); writer != writers_.rend(); ++writer) {
    if (writer->session == session.id || writer->written_wall_ns > session.opened_wall_ns) continue;
    const double probability = ProbabilityOf(node, *writer);
    if (probability == 0 || IsSamePerson(session, *writer)) continue;
    AddDriver({.session = writer->session,
               .method = absl::StrCat("file ", writer->path),
               .probability = probability},
              &drivers);
  }
  if (!drivers.empty()) session.drivers = MergeDrivers({}, std::move(drivers));
}

}  // namespace hoptrail::agent::session
