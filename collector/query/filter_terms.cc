#include "collector/query/filter_terms.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"

namespace hoptrail::collector::query {
namespace {

constexpr size_t kMaxFilterBytes = 4096;
constexpr size_t kMaxShown = 24;
constexpr absl::string_view kOperators = "=<>!";
constexpr absl::string_view kEndsWord = "=<>!\"()\\";

bool IsBlank(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }
bool IsControl(char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }
bool IsOf(absl::string_view set, char c) { return set.find(c) != absl::string_view::npos; }
bool IsReserved(absl::string_view word) { return word == "AND" || word == "OR" || word == "NOT"; }

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  bool AtEnd() const { return at_ == text_.size(); }
  bool AtQuote() const { return !AtEnd() && text_[at_] == '"'; }

  // True where it skipped any.
  bool SkipBlanks() {
    const size_t before = at_;
    while (!AtEnd() && IsBlank(text_[at_])) ++at_;
    return at_ > before;
  }

  template <typename Predicate>
  std::string TakeWhile(Predicate predicate) {
    const size_t begin = at_;
    while (!AtEnd() && predicate(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string Word() {
    return TakeWhile([](char c) { return !IsBlank(c) && !IsOf(kEndsWord, c); });
  }

  // The text at this place, for an error message.
  std::string Shown() const {
    if (AtEnd()) return "the end";
    size_t end = at_ + 1;
    while (end < text_.size() && end < at_ + kMaxShown && !IsBlank(text_[end])) ++end;
    return absl::StrCat("'", text_.substr(at_, end - at_), "'");
  }

  absl::StatusOr<std::string> Quoted() {
    const size_t begin = at_++;
    std::string value;
    for (; !AtEnd(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return value;
      }
      if (IsControl(c)) return FilterFault(at_, "a control character in a quoted value");
      if (c == '\\') {
        if (++at_ == text_.size()) break;
        c = text_[at_];
        if (c != '"' && c != '\\') {
          return FilterFault(at_ - 1, "only \\\" and \\\\ are written with a backslash");
        }
      }
      value.push_back(c);
    }
    return FilterFault(begin, "a quoted value has no end");
  }

 private:
  const absl::string_view text_;
  size_t at_ = 0;
};

absl::StatusOr<Term> ScanTerm(Scanner& scanner) {
  Term term;
  term.field_at = scanner.at();
  term.field = scanner.TakeWhile(
      [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; });
  if (term.field.empty() || IsReserved(term.field)) {
    return FilterFault(term.field_at,
                       absl::StrCat("a field's name is expected, not ",
                                    term.field.empty() ? scanner.Shown() : term.field));
  }
  scanner.SkipBlanks();
  term.op_at = scanner.at();
  term.op = scanner.TakeWhile([](char c) { return IsOf(kOperators, c); });
  if (term.op.empty()) {
    return FilterFault(term.op_at, absl::StrCat("an operator is expected after '", term.field,
                                                "', not ", scanner.Shown()));
  }
  scanner.SkipBlanks();
  term.value_at = scanner.at();
  if (scanner.AtQuote()) {
    HT_ASSIGN_OR_RETURN(term.value, scanner.Quoted());
    return term;
  }
  const std::string instead = scanner.Shown();
  term.value = scanner.Word();
  if (term.value.empty() || IsReserved(term.value)) {
    return FilterFault(term.value_at,
                       absl::StrCat("a value is expected after '", term.field, " ", term.op,
                                    "', not ", instead, "; an empty one is \"\""));
  }
  return term;
}

}  // namespace

absl::Status FilterFault(size_t at, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("filter: character ", at + 1, ": ", what));
}

absl::StatusOr<std::vector<Term>> ScanFilter(absl::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: over ", kMaxFilterBytes, " bytes long"));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsControl(text[i]) && !IsBlank(text[i])) {
      return FilterFault(i, "a control character");
    }
  }
  std::vector<Term> terms;
  Scanner scanner(text);
  scanner.SkipBlanks();
  while (!scanner.AtEnd()) {
    HT_ASSIGN_OR_RETURN(Term term, ScanTerm(scanner));
    terms.push_back(std::move(term));
    const bool apart = scanner.SkipBlanks();
    if (scanner.AtEnd()) break;
    const size_t at = scanner.at();
    const std::string instead = scanner.Shown();
    if (!apart || scanner.Word() != "AND" || !scanner.SkipBlanks()) {
      return FilterFault(at, absl::StrCat("' AND ' is expected between terms, not ", instead,
                                          "; nothing else joins them"));
    }
    if (scanner.AtEnd()) return FilterFault(at, "a term is expected after AND");
  }
  return terms;
}

}  // namespace hoptrail::collector::query
