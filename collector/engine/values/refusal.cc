#include "collector/engine/values/refusal.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoptrail::collector::engine {
namespace {

// The parts before and after the ending of the plural.
struct Words {
  absl::string_view noun;
  absl::string_view rest;
};

Words WordsFor(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kIncomplete:
      return {"fact", " without an id, a session or a side"};
    case RefusalReason::kSessionId:
      return {"session", " under ids that do not derive from it"};
    case RefusalReason::kForeignSession:
      return {"connection", " in sessions of other hosts"};
    case RefusalReason::kDetectionId:
      return {"detection", " under ids that do not derive from their sessions"};
    case RefusalReason::kForeignDetection:
      return {"detection", " on sessions that are not its own"};
    case RefusalReason::kRuleOfNoAgent:
      return {"detection", " of rules that no agent runs"};
    case RefusalReason::kSequence:
      return {"batch", " with sequence numbers that it cannot have reached"};
    case RefusalReason::kHostName:
      return {"name", " of the host, after many others"};
    case RefusalReason::kNewBoot:
      return {"stream", " for further boots of this machine"};
  }
  return {"claim", " of an unknown kind"};
}

}  // namespace

std::string RefusalText(RefusalReason reason, uint64_t count) {
  const Words words = WordsFor(reason);
  const bool sibilant = absl::EndsWith(words.noun, "ch");
  return absl::StrCat(count, " ", words.noun, count == 1 ? "" : sibilant ? "es" : "s", words.rest);
}

}  // namespace hoptrail::collector::engine
