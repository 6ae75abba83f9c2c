#include "cli/output.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include <google/protobuf/util/json_util.h>

#include "core/base/printable.h"

namespace hoptrail::cli {

absl::Status Print(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return absl::DataLossError("cannot write to standard output");
  }
  return absl::OkStatus();
}

absl::Status PrintJson(const google::protobuf::Message& message, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError("the answer cannot be written as JSON");
  return Print(absl::StrCat(PrintableJson(json), one_line ? "\n" : ""));
}

absl::Status PrintList(bool empty, absl::string_view rendered, absl::string_view doubt) {
  return Print(empty && !doubt.empty() ? "Nothing is known, but something may be missing.\n"
                                       : rendered);
}

void HintAtMore(const std::string& next_page_token) {
  if (!next_page_token.empty()) {
    std::fputs("hoptrail: more exist; --limit N shows N, --limit 0 all\n", stderr);
  }
}

}  // namespace hoptrail::cli
