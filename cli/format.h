#ifndef HOPTRAIL_CLI_FORMAT_H_
#define HOPTRAIL_CLI_FORMAT_H_

// Values of the public API as short text for people. Escapes text that comes from hosts. Pure.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "cli/table.h"
#include "cli/text.h"

namespace google::protobuf {
class Timestamp;
}
namespace hoptrail::v1 {
class Authentication;
class Endpoint;
class Flow;
class Session;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

// "2026-01-31 12:00:00.000" in the style's time zone, which the caller must name beside it; "-" for
// the zero time.
std::string FormatTime(const google::protobuf::Timestamp& time, const Style& style);
// The same, and shorter: "2026-01-31 12:00:00", "01-31 12:00".
Cell TimeCell(const google::protobuf::Timestamp& time, const Style& style);

// The name of the time zone of the noted times: "UTC", "CET"; "Europe/Berlin" where their offsets
// differ (summer time).
class ZoneName {
 public:
  explicit ZoneName(const Style& style) : style_(style) {}
  void Note(const google::protobuf::Timestamp& time);
  std::string Get() const;
  // "OPENED (CET)", and shorter.
  Cell Heading(absl::string_view words, absl::string_view short_words) const;

 private:
  const Style& style_;
  std::set<std::string> abbreviations_;
};

// "+55.0 s", "+2 m 05 s", "+3 h 07 m", "+2 d 04 h"; milliseconds in.
std::string FormatOffset(int64_t milliseconds);
int64_t Milliseconds(const google::protobuf::Timestamp& time);

// The first 12 digits of an id, its collection left out: "incidents/3fa2…" → "3fa2c81d90ab".
std::string ShortId(absl::string_view name, const Style& style);

// The ids of one column: 12 digits, or 8 where 8 distinguish all noted ids.
class IdColumn {
 public:
  explicit IdColumn(const Style& style) : style_(style) {}
  void Note(absl::string_view name);
  Cell Of(absl::string_view name) const;

 private:
  const Style& style_;
  std::map<std::string, std::set<std::string>> by_beginning_;  // names by their first 8 digits
};

// "192.0.2.1:22", "[2001:db8::1]:22", "-" where empty.
std::string FormatEndpoint(const v1::Endpoint& endpoint, const Style& style);
// "client → server".
std::string FormatFlow(const v1::Flow& flow, const Style& style);

// "public key ED25519 SHA256:…", "password (claimed, not verified)", "unknown".
std::string FormatAuthentication(const v1::Authentication& authentication, const Style& style);

// How the session's login proved its identity; also the account that it named, if the processes run
// as another user: "password for account root".
std::string FormatLogin(const v1::Session& session, const Style& style);

// The host's own name, or the beginning of its machine id where it has none.
std::string HostLabel(absl::string_view host_name, absl::string_view host, const Style& style);
// The user's name, or "uid 1000".
std::string UserLabel(const v1::Session& session, const Style& style);
// The collector's title of the session: "staff", "service nginx.service (www-data)".
std::string SessionTitle(const v1::Session& session, const Style& style);
// The same with how it began: "console login of staff", "service nginx.service (www-data)".
std::string SessionWords(const v1::Session& session, const Style& style);

// "REMOTE" → "remote"; for names of enumerators, which need no escaping.
std::string Lower(absl::string_view text);

// "HIGH" in its colour. `severity` is the number of the API's enumerator.
std::string SeverityWord(int severity, const Style& style);
// "OPEN" in its colour.
std::string IncidentStateWord(int state, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_FORMAT_H_
