#include "cli/format.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "core/base/clock.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

constexpr size_t kShortDigits = 8;
constexpr size_t kWidthForMilliseconds = 100;

absl::string_view MethodWord(v1::AuthMethod method) {
  switch (method) {
    case v1::PASSWORD:
      return "password";
    case v1::PUBLIC_KEY:
      return "public key";
    case v1::KEYBOARD_INTERACTIVE:
      return "keyboard-interactive";
    case v1::HOST_BASED:
      return "host-based";
    case v1::GSSAPI:
      return "GSSAPI";
    case v1::CERTIFICATE:
      return "certificate";
    case v1::NONE:
      return "none";
    default:
      return "unknown";
  }
}

// Converts to calendar fields. False for the zero time, and for one outside the calendar.
bool Fields(const google::protobuf::Timestamp& time, const Style& style, tm* fields) {
  if (time.seconds() == 0 && time.nanos() == 0) return false;
  const time_t seconds = time.seconds();
  return (style.utc ? ::gmtime_r(&seconds, fields) : ::localtime_r(&seconds, fields)) != nullptr;
}

std::string Written(const char* format, const tm& fields) {
  char text[64];
  return std::string(text, std::strftime(text, sizeof(text), format, &fields));
}

// "Europe/Berlin": from TZ, or from the target of /etc/localtime.
std::string NameOfLocalZone() {
  const char* variable = std::getenv("TZ");
  if (variable != nullptr && *variable != '\0') return variable + (*variable == ':' ? 1 : 0);
  char target[256];
  const ssize_t size = ::readlink("/etc/localtime", target, sizeof(target));
  const absl::string_view path(target, size < 0 ? 0 : static_cast<size_t>(size));
  constexpr absl::string_view kDirectory = "zoneinfo/";
  const size_t at = path.find(kDirectory);
  return at == absl::string_view::npos ? "local time"
                                       : std::string(path.substr(at + kDirectory.size()));
}

absl::string_view WithoutCollection(absl::string_view name) {
  const size_t slash = name.find('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
}

}  // namespace

int64_t Milliseconds(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

std::string FormatTime(const google::protobuf::Timestamp& time, const Style& style) {
  const bool narrow = style.width != 0 && style.width < kWidthForMilliseconds;
  return TimeCell(time, style).form(narrow ? 1 : 0);
}

Cell TimeCell(const google::protobuf::Timestamp& time, const Style& style) {
  tm fields{};
  if (!Fields(time, style, &fields)) return "-";
  const std::string seconds = Written("%Y-%m-%d %H:%M:%S", fields);
  return Cell::Forms({absl::StrFormat("%s.%03d", seconds, time.nanos() / 1'000'000), seconds,
                      Written("%m-%d %H:%M", fields)});
}

void ZoneName::Note(const google::protobuf::Timestamp& time) {
  tm fields{};
  if (Fields(time, style_, &fields)) abbreviations_.insert(Written("%Z", fields));
}

std::string ZoneName::Get() const {
  if (style_.utc) return "UTC";
  if (abbreviations_.size() > 1) return Escape(NameOfLocalZone(), style_, 64);
  if (abbreviations_.size() == 1) return Escape(*abbreviations_.begin(), style_, 16);
  google::protobuf::Timestamp now;
  now.set_seconds(Clock::System().WallNs() / 1'000'000'000);
  tm fields{};
  return Fields(now, style_, &fields) ? Escape(Written("%Z", fields), style_, 16) : "UTC";
}

Cell ZoneName::Heading(absl::string_view words, absl::string_view short_words) const {
  const std::string zone = absl::StrCat(" (", Get(), ")");
  return Cell::Forms({absl::StrCat(words, zone), absl::StrCat(short_words, zone)});
}

std::string FormatOffset(int64_t milliseconds) {
  const char* sign = milliseconds < 0 ? "-" : "+";
  const int64_t ms = milliseconds < 0 ? -milliseconds : milliseconds;
  const int64_t s = ms / 1000;
  if (s < 60) return absl::StrFormat("%s%d.%d s", sign, s, ms % 1000 / 100);
  if (s < 3600) return absl::StrFormat("%s%d m %02d s", sign, s / 60, s % 60);
  if (s < 86400) return absl::StrFormat("%s%d h %02d m", sign, s / 3600, s / 60 % 60);
  return absl::StrFormat("%s%d d %02d h", sign, s / 86400, s / 3600 % 24);
}

std::string ShortId(absl::string_view name, const Style& style) {
  name = WithoutCollection(name);
  return name.empty() ? "-" : Escape(name.substr(0, 12), style);
}

void IdColumn::Note(absl::string_view name) {
  by_beginning_[std::string(WithoutCollection(name).substr(0, kShortDigits))].emplace(name);
}

Cell IdColumn::Of(absl::string_view name) const {
  const absl::string_view digits = WithoutCollection(name);
  const bool enough = std::all_of(by_beginning_.begin(), by_beginning_.end(),
                                  [](const auto& entry) { return entry.second.size() == 1; });
  if (!enough || digits.empty()) return ShortId(name, style_);
  return Cell::Forms({ShortId(name, style_), Escape(digits.substr(0, kShortDigits), style_)});
}

std::string FormatEndpoint(const v1::Endpoint& endpoint, const Style& style) {
  if (endpoint.address().empty()) return "-";
  const std::string address = Escape(endpoint.address(), style, 64);
  const bool v6 = absl::StrContains(address, ":");
  return v6 ? absl::StrCat("[", address, "]:", endpoint.port())
            : absl::StrCat(address, ":", endpoint.port());
}

std::string FormatFlow(const v1::Flow& flow, const Style& style) {
  return absl::StrCat(FormatEndpoint(flow.client(), style), " ", style.arrow(), " ",
                      FormatEndpoint(flow.server(), style));
}

std::string FormatAuthentication(const v1::Authentication& authentication, const Style& style) {
  std::string out(MethodWord(authentication.method()));
  if (!authentication.key_type().empty()) {
    absl::StrAppend(&out, " ", Escape(authentication.key_type(), style, 64));
  }
  if (!authentication.key_fingerprint().empty()) {
    absl::StrAppend(&out, " ", Escape(authentication.key_fingerprint(), style, 128));
  }
  if (!authentication.certificate_id().empty()) {
    absl::StrAppend(&out, " ID \"", Escape(authentication.certificate_id(), style, 128), "\"");
  }
  if (authentication.method() != v1::AUTH_METHOD_UNSPECIFIED && !authentication.verified()) {
    absl::StrAppend(&out, " (claimed, not verified)");
  }
  return out;
}

std::string FormatLogin(const v1::Session& session, const Style& style) {
  const std::string& account = session.authentication().user();
  std::string out = FormatAuthentication(session.authentication(), style);
  if (!account.empty() && account != session.user()) {
    absl::StrAppend(&out, " for account ", Escape(account, style, 64));
  }
  return out;
}

std::string HostLabel(absl::string_view host_name, absl::string_view host, const Style& style) {
  return host_name.empty() ? ShortId(host, style) : Escape(host_name, style, 80);
}

std::string UserLabel(const v1::Session& session, const Style& style) {
  if (!session.user().empty()) return Escape(session.user(), style, 64);
  return absl::StrCat("uid ", session.uid());
}

std::string SessionTitle(const v1::Session& session, const Style& style) {
  return session.title().empty() ? UserLabel(session, style) : Escape(session.title(), style, 160);
}

std::string SessionWords(const v1::Session& session, const Style& style) {
  const std::string title = SessionTitle(session, style);
  const bool login = session.kind() == v1::REMOTE || session.kind() == v1::CONSOLE;
  if (!login && !session.title().empty()) return title;
  if (session.kind() == v1::ENTRY_KIND_UNSPECIFIED) return absl::StrCat("session of ", title);
  return absl::StrCat(Lower(v1::EntryKind_Name(session.kind())), login ? " login of " : " of ",
                      title);
}

std::string Lower(absl::string_view text) { return absl::AsciiStrToLower(text); }

std::string SeverityWord(int severity, const Style& style) {
  switch (severity) {
    case v1::CRITICAL:
      return Paint("CRITICAL", Colour::kAlarm, style);
    case v1::HIGH:
      return Paint("HIGH", Colour::kRed, style);
    case v1::MEDIUM:
      return Paint("MEDIUM", Colour::kYellow, style);
    case v1::LOW:
      return Paint("LOW", Colour::kCyan, style);
    case v1::INFO:
      return "INFO";
    default:
      return "-";
  }
}

std::string IncidentStateWord(int state, const Style& style) {
  switch (state) {
    case v1::OPEN:
      return Paint("OPEN", Colour::kRed, style);
    case v1::ACKNOWLEDGED:
      return Paint("ACKNOWLEDGED", Colour::kYellow, style);
    case v1::RESOLVED:
      return Paint("RESOLVED", Colour::kGreen, style);
    default:
      return "-";
  }
}

}  // namespace hoptrail::cli
