#ifndef HOPTRAIL_CORE_MODEL_NAMES_H_
#define HOPTRAIL_CORE_MODEL_NAMES_H_

// Enumerations as the words used in logs, evidence, the store and the command line.

#include "absl/strings/string_view.h"

#include "core/model/detection.h"
#include "core/model/hop.h"
#include "core/model/session.h"

namespace hoptrail::model {

absl::string_view ToString(EntryKind kind);       // "remote"
absl::string_view ToString(AuthMethod method);    // "publickey", as sshd writes it
absl::string_view ToString(HopSide side);         // "client"
absl::string_view ToString(Proof proof);          // "PROVEN", "INFERRED"
absl::string_view ToString(Severity severity);    // "high"
absl::string_view ToString(IncidentState state);  // "open"

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_NAMES_H_
