#include "core/model/names.h"

namespace hoptrail::model {

absl::string_view ToString(EntryKind kind) {
  switch (kind) {
    case EntryKind::kUnknown:
      return "unknown";
    case EntryKind::kRemote:
      return "remote";
    case EntryKind::kConsole:
      return "console";
    case EntryKind::kService:
      return "service";
    case EntryKind::kContainer:
      return "container";
    case EntryKind::kCron:
      return "cron";
  }
  return "unknown";
}

absl::string_view ToString(AuthMethod method) {
  switch (method) {
    case AuthMethod::kUnknown:
      return "unknown";
    case AuthMethod::kPassword:
      return "password";
    case AuthMethod::kPublicKey:
      return "publickey";
    case AuthMethod::kKeyboardInteractive:
      return "keyboard-interactive";
    case AuthMethod::kHostBased:
      return "hostbased";
    case AuthMethod::kGssapi:
      return "gssapi-with-mic";
    case AuthMethod::kCertificate:
      return "certificate";
    case AuthMethod::kNone:
      return "none";
  }
  return "unknown";
}

absl::string_view ToString(HopSide side) {
  switch (side) {
    case HopSide::kUnknown:
      return "unknown";
    case HopSide::kClient:
      return "client";
    case HopSide::kServer:
      return "server";
  }
  return "unknown";
}

absl::string_view ToString(Proof proof) {
  switch (proof) {
    case Proof::kUnknown:
      return "UNKNOWN";
    case Proof::kProven:
      return "PROVEN";
    case Proof::kInferred:
      return "INFERRED";
  }
  return "UNKNOWN";
}

absl::string_view ToString(Severity severity) {
  switch (severity) {
    case Severity::kUnknown:
      return "unknown";
    case Severity::kInfo:
      return "info";
    case Severity::kLow:
      return "low";
    case Severity::kMedium:
      return "medium";
    case Severity::kHigh:
      return "high";
    case Severity::kCritical:
      return "critical";
  }
  return "unknown";
}

absl::string_view ToString(IncidentState state) {
  switch (state) {
    case IncidentState::kUnknown:
      return "unknown";
    case IncidentState::kOpen:
      return "open";
    case IncidentState::kAcknowledged:
      return "acknowledged";
    case IncidentState::kResolved:
      return "resolved";
  }
  return "unknown";
}

}  // namespace hoptrail::model
