#include "collector/notify/pagerduty/answer.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "core/detect/evidence.h"
#include "core/wire/text.h"

namespace hoptrail::collector::notify {
namespace {

using google::protobuf::Struct;

constexpr size_t kMaxReason = 300;
constexpr int kAccepted = 202;
constexpr int kBadRequest = 400;
constexpr int kTooLarge = 413;

Struct ParseObject(const std::string& body) {
  Struct object;
  if (!google::protobuf::util::JsonStringToMessage(body, &object).ok()) object.Clear();
  return object;
}

std::string Text(const Struct& object, const std::string& field) {
  auto it = object.fields().find(field);
  return it == object.fields().end() ? "" : it->second.string_value();
}

std::string OneLine(absl::string_view text, absl::string_view secret) {
  std::string line(text);
  if (!secret.empty()) line = absl::StrReplaceAll(line, {{secret, "…"}});
  line = wire::CleanText(line, line.size() * 3);
  absl::RemoveExtraAsciiWhitespace(&line);
  return hoptrail::detect::Bounded(line, kMaxReason);
}

}  // namespace

Verdict EvaluateAnswer(const absl::StatusOr<HttpResponse>& answer, absl::string_view dedup_key,
                       absl::string_view secret) {
  if (!answer.ok()) return {Verdict::kFailed, OneLine(answer.status().message(), secret)};
  const Struct body = ParseObject(answer->body);
  const std::string status = Text(body, "status");
  if (answer->status == kAccepted && status == "success" &&
      absl::string_view(Text(body, "dedup_key")) == dedup_key) {
    return {Verdict::kAccepted};
  }
  std::string reason = absl::StrCat("HTTP ", answer->status);
  Verdict verdict{Verdict::kFailed, "", answer->retry_after};
  if (answer->status / 100 == 3) {
    absl::StrAppend(&reason, " to ", answer->location, ", which is not followed");
  } else if (answer->status / 100 == 2) {
    absl::StrAppend(&reason, ", but not the API's acceptance of this event: ", answer->body);
  } else {
    absl::StrAppend(&reason, ": ", answer->body);
  }
  // A body of the API itself; the page of a proxy says nothing about the event.
  const bool of_api =
      !status.empty() && (!Text(body, "message").empty() || body.fields().contains("errors"));
  if ((answer->status == kBadRequest && of_api) || answer->status == kTooLarge) {
    verdict.kind = Verdict::kEventRefused;
  }
  verdict.reason = OneLine(reason, secret);
  return verdict;
}

}  // namespace hoptrail::collector::notify
