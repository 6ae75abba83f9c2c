#include "collector/query/page_token.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "core/base/digest.h"

namespace hoptrail::collector::query {
namespace {

constexpr size_t kMaxToken = 4096;
constexpr size_t kCheckBytes = 8;

// Ties the token to its list, and catches a token that was cut or changed by mistake. It protects
// no secret: a cursor shows nothing that the list does not show.
std::string Check(absl::string_view scope, absl::string_view body) {
  const auto digest = Digest128({"page", scope, body});
  return std::string(reinterpret_cast<const char*>(digest.data()), kCheckBytes);
}

}  // namespace

std::string MakePageToken(absl::string_view scope, const store::Cursor& cursor) {
  const std::string body = absl::StrCat(cursor.number, ",", absl::BytesToHexString(cursor.text),
                                        ",", absl::BytesToHexString(cursor.key));
  return absl::WebSafeBase64Escape(absl::StrCat(Check(scope, body), body));
}

absl::StatusOr<std::optional<store::Cursor>> ParsePageToken(absl::string_view scope,
                                                            absl::string_view token) {
  if (token.empty()) return std::optional<store::Cursor>();
  const absl::Status bad =
      absl::InvalidArgumentError("page_token: not a token of this list with this filter");
  std::string bytes;
  if (token.size() > kMaxToken || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() < kCheckBytes) {
    return bad;
  }
  const absl::string_view body = absl::string_view(bytes).substr(kCheckBytes);
  if (Check(scope, body) != bytes.substr(0, kCheckBytes)) return bad;
  const std::vector<absl::string_view> parts = absl::StrSplit(body, ',');
  store::Cursor cursor;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &cursor.number)) return bad;
  cursor.text = absl::HexStringToBytes(parts[1]);
  cursor.key = absl::HexStringToBytes(parts[2]);
  return std::optional<store::Cursor>(std::move(cursor));
}

absl::StatusOr<int> PageSize(int32_t asked) {
  if (asked < 0) return absl::InvalidArgumentError("page_size: below 0");
  return asked == 0 ? 50 : std::min(asked, 1000);
}

std::string MakeResumeToken(absl::string_view epoch, int64_t revision) {
  return absl::StrCat(epoch, ".", revision);
}

absl::StatusOr<int64_t> ParseResumeToken(absl::string_view epoch, int64_t present,
                                         absl::string_view token) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  int64_t revision = 0;
  if (token.size() > 100 || parts.size() != 2 || !absl::SimpleAtoi(parts[1], &revision) ||
      revision < 0) {
    return absl::InvalidArgumentError("resume_token: not a token of a watch");
  }
  if (parts[0] != epoch || revision > present) {
    return absl::FailedPreconditionError(
        "resume_token: it belongs to a store that has been replaced; list, then watch anew");
  }
  return revision;
}

}  // namespace hoptrail::collector::query
