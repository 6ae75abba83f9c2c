#ifndef HOPTRAIL_AGENT_DECODE_FILE_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_FILE_BODIES_H_

// Decodes the bodies of records about watched files.
//
// The caller has checked that `record` has the smallest size of its type and no more bytes than its
// header says. INVALID_ARGUMENT where a text is longer than the record. Only for this directory.

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

absl::Status ReadFile(absl::string_view record, File* file);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_FILE_BODIES_H_
