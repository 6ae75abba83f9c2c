#ifndef HOPTRAIL_CLI_OUTPUT_H_
#define HOPTRAIL_CLI_OUTPUT_H_

// Standard output, and hints on standard error. DATA_LOSS where standard output cannot be written.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace hoptrail::cli {

absl::Status Print(absl::string_view text);
// The API's message as JSON, escaped for terminals.
absl::Status PrintJson(const google::protobuf::Message& message, bool one_line);
// A list for people. Where something may be missing (`doubt`), an empty list is no good news.
absl::Status PrintList(bool empty, absl::string_view rendered, absl::string_view doubt);
// Says how to see more, where `next_page_token` is not empty.
void HintAtMore(const std::string& next_page_token);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_OUTPUT_H_
