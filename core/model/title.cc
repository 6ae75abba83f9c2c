#include "core/model/title.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "core/base/path.h"
#include "core/model/unmonitored.h"

namespace hoptrail::model {
namespace {

constexpr size_t kShortId = 12;
constexpr size_t kLeastLongId = 32;
constexpr size_t kDistinctDigits = 8;
constexpr size_t kMaxUsualName = 64;  // HOST_NAME_MAX

std::string User(const Session& session) {
  return session.user.empty() ? absl::StrCat("uid ", session.uid) : session.user;
}

absl::string_view Program(const Session& session) { return BaseName(session.program); }

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Shortens ids as container runtimes do; names stay whole.
absl::string_view ShortId(absl::string_view id) {
  const bool digits = id.size() >= kLeastLongId && std::all_of(id.begin(), id.end(), IsHex);
  return digits ? id.substr(0, kShortId) : id;
}

std::string Service(const Session& session) {
  const absl::string_view program = Program(session);
  const absl::string_view name = session.unit.empty() ? program : session.unit;
  return absl::StrCat("service ", name.empty() ? "of an unknown program" : name, " (",
                      User(session), ")");
}

std::string Container(const Session& session) {
  const absl::string_view program = Program(session);
  return absl::StrCat("container ", session.unit.empty() ? "of unknown id" : ShortId(session.unit),
                      program.empty() ? "" : " running ", program, " (", User(session), ")");
}

// The session's unit is a timer's service, "USER/PROGRAM" of a cron job, or only the user.
std::string Job(const Session& session) {
  if (absl::EndsWith(session.unit, ".service")) {
    return absl::StrCat("scheduled job ", session.unit, " (", User(session), ")");
  }
  const size_t slash = session.unit.find('/');
  if (slash == std::string::npos) return absl::StrCat("cron job of ", User(session));
  return absl::StrCat("cron job ", session.unit.substr(slash + 1), " of ", User(session));
}

// "a connection without a login", "a connection to nginx (www-data)".
std::string WithoutLogin(const Session& session) {
  if (session.user.empty() || Program(session).empty()) return "a connection without a login";
  return absl::StrCat("a connection to ", Program(session), " (", User(session), ")");
}

bool IsUsualHostName(absl::string_view name) {
  return name.size() <= kMaxUsualName && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

}  // namespace

std::string Title(const Session& session) {
  if (UnmonitoredAddress(session.host).has_value()) return "unseen";
  if (!session.drives.empty()) {
    Session driven = session;
    driven.drives = {};
    driven.logged_in = true;  // the session's own title
    return absl::StrCat("driven ", Title(driven));
  }
  switch (session.kind) {
    case EntryKind::kService:
      return Service(session);
    case EntryKind::kContainer:
      return Container(session);
    case EntryKind::kCron:
      return Job(session);
    case EntryKind::kRemote:
      return session.logged_in ? User(session) : WithoutLogin(session);
    case EntryKind::kConsole:
    case EntryKind::kUnknown:
      return User(session);
  }
  return User(session);
}

std::string HostTitle(absl::string_view host_name, const HostId& host) {
  if (!host_name.empty()) return std::string(host_name);
  if (const auto address = UnmonitoredAddress(host)) {
    return absl::StrCat(ToString(*address), " (unmonitored)");
  }
  return absl::StrCat("host ", ToString(host.machine).substr(0, kShortId));
}

std::string DistinctHostName(absl::string_view host_name, const MachineId& machine, bool shared) {
  if (host_name.empty()) return "";
  const std::string id = ToString(machine).substr(0, kDistinctDigits);
  if (!IsUsualHostName(host_name)) return absl::StrCat("host ", id, " called ", host_name);
  return shared ? absl::StrCat(host_name, " (", id, ")") : std::string(host_name);
}

}  // namespace hoptrail::model
