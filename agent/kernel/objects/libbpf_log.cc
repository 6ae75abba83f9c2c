#include "agent/kernel/objects/libbpf_log.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include <bpf/libbpf.h>

namespace hoptrail::agent::kernel {
namespace {

thread_local std::string last_complaint;
thread_local RefusedProgram last_refused;

// NAME and WHAT of a line "libbpf: prog 'NAME': WHAT". The name of any other line is empty.
std::string ProgramNamedIn(absl::string_view text, absl::string_view* what) {
  if (!absl::ConsumePrefix(&text, "libbpf: prog '")) return "";
  const size_t quote = text.find("': ");
  if (quote == absl::string_view::npos) return "";
  *what = text.substr(quote + 3);
  return std::string(text.substr(0, quote));
}

// The line before the statistics that close a verifier's log.
std::string LastWord(absl::string_view log) {
  std::string word;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StartsWith(line, "processed ") || absl::StartsWith(line, "-- END")) break;
    if (!line.empty()) word = std::string(line.substr(0, 200));
  }
  return word;
}

int KeepComplaint(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  std::string line(static_cast<size_t>(std::max(vsnprintf(nullptr, 0, format, again), 0)) + 1, 0);
  va_end(again);
  vsnprintf(line.data(), line.size(), format, arguments);
  const absl::string_view text = absl::StripAsciiWhitespace(line.c_str());
  absl::string_view what;
  const std::string program = ProgramNamedIn(text, &what);
  if (absl::StartsWith(what, "-- BEGIN PROG LOAD LOG")) {
    last_refused.because = LastWord(what);
    return 0;
  }
  if (absl::StartsWith(what, "failed to ")) last_refused.name = program;
  // The lines of a verifier log have no such prefix and are not kept.
  if (absl::StartsWith(text, "libbpf: ")) last_complaint = std::string(text.substr(0, 300));
  return 0;
}

}  // namespace

void KeepLibbpfLog() { libbpf_set_print(KeepComplaint); }

std::string TakeLibbpfComplaint() { return std::exchange(last_complaint, ""); }

RefusedProgram TakeRefusedProgram() { return std::exchange(last_refused, {}); }

}  // namespace hoptrail::agent::kernel
