#include "collector/store/sqlite/id_search.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/host_reader.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

constexpr size_t kLeastDigits = 4;

bool AllHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

// The least blob (`filler` '0') or the greatest one ('f') of `length` bytes whose hexadecimal
// digits begin with `digits`.
std::string Bound(absl::string_view digits, size_t length, char filler) {
  std::string padded = absl::AsciiStrToLower(digits);
  padded.resize(2 * length, filler);
  std::string blob;
  for (size_t i = 0; i < length; ++i) {
    auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    blob.push_back(static_cast<char>(value(padded[2 * i]) * 16 + value(padded[2 * i + 1])));
  }
  return blob;
}

}  // namespace

absl::StatusOr<std::string> FindId(sqlite::Database* database, absl::string_view table,
                                   absl::string_view kind, absl::string_view digits) {
  if (digits.size() < kLeastDigits || digits.size() > 32 || !AllHex(digits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", digits, "' is no ", kind, " id: 4 to 32 hexadecimal digits are needed"));
  }
  HT_ASSIGN_OR_RETURN(Statement select,
                      database->Prepare(absl::StrCat("SELECT id FROM ", table,
                                                     " WHERE id BETWEEN ?1 AND ?2 LIMIT 2")));
  select.BindBlob(1, Bound(digits, 16, '0')).BindBlob(2, Bound(digits, 16, 'f'));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return absl::NotFoundError(absl::StrCat("there is no ", kind, " '", digits, "'"));
  std::string id(select.Blob(0));
  HT_ASSIGN_OR_RETURN(bool second, select.Step());
  if (second) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", digits, "' fits several ", kind, "s: give more digits"));
  }
  return id;
}

absl::StatusOr<model::HostId> FindHost(sqlite::Database* database,
                                       absl::string_view digits_or_name) {
  const absl::Status none =
      absl::NotFoundError(absl::StrCat("there is no host '", digits_or_name, "'"));
  if (digits_or_name.empty()) return none;
  HT_ASSIGN_OR_RETURN(
      Page<HostView> named,
      ListHosts(database, {.host_name = std::string(digits_or_name)}, std::nullopt, 2));
  if (named.items.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("several machines are called '", digits_or_name, "': give the machine id"));
  }
  if (!named.items.empty()) return model::HostId{named.items[0].machine, {}};
  std::string digits(digits_or_name);
  const bool boot = digits.size() > 33 && digits[32] == '.';
  if (boot) digits.erase(32, 1);
  if (digits.size() < kLeastDigits || digits.size() > (boot ? 64 : 32) || !AllHex(digits)) {
    return none;
  }
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database->Prepare("SELECT id FROM hosts WHERE id BETWEEN ?1 AND ?2 AND listed ORDER BY id"));
  select.BindBlob(1, Bound(digits, 32, '0')).BindBlob(2, Bound(digits, 32, 'f'));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return none;
  const model::HostId host = HostFrom(select.Blob(0));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool more, select.Step());
    if (!more) return boot ? host : model::HostId{host.machine, {}};
    if (boot || HostFrom(select.Blob(0)).machine != host.machine) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", digits_or_name, "' fits several hosts: give more digits"));
    }
  }
}

}  // namespace hoptrail::collector::store
