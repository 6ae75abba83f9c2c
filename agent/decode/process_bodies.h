#ifndef HOPTRAIL_AGENT_DECODE_PROCESS_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_PROCESS_BODIES_H_

// Decodes the bodies of records about processes: fork, exec, credentials, namespaces, trace,
// process snapshot.
//
// The caller has checked that `record` has the smallest size of its type and no more bytes than its
// header says. INVALID_ARGUMENT where a text is longer than the record. Only for this directory.

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

absl::Status ReadFork(absl::string_view record, Fork* fork);
absl::Status ReadExec(absl::string_view record, Exec* exec);
absl::Status ReadProcessSnapshot(absl::string_view record, ProcessSnapshot* snapshot);
CredentialsChange ToCredentialsChange(const ht_credentials& raw);
NamespacesChange ToNamespacesChange(const ht_namespaces& raw);
Trace ToTrace(const ht_trace& raw);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_PROCESS_BODIES_H_
