#include "core/wire/stream_control.h"

#include <algorithm>

#include "core/wire/field_reader.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/text.h"

namespace hoptrail::wire {

static_assert(static_cast<int>(model::StopCause::kServiceManager) == v1::SERVICE_MANAGER);
static_assert(static_cast<int>(model::StopCause::kProcess) == v1::PROCESS);
static_assert(static_cast<int>(model::StopCause::kReplacement) == v1::REPLACEMENT);
static_assert(static_cast<int>(model::StopCause::kPackageManager) == v1::PACKAGE_MANAGER);
static_assert(static_cast<int>(model::StopCause::kPackageManager) == v1::StopCause_MAX);
static_assert(static_cast<int>(model::PreviousEnd::kNoTrace) == v1::NO_TRACE);
static_assert(static_cast<int>(model::PreviousEnd::kAsked) == v1::ASKED);
static_assert(static_cast<int>(model::PreviousEnd::kCutShort) == v1::CUT_SHORT);
static_assert(static_cast<int>(model::PreviousEnd::kCutShort) == v1::PreviousEnd_MAX);

v1::Incarnation ToProto(const model::Incarnation& in) {
  v1::Incarnation out;
  if (in.empty()) return out;
  out.set_counter(in.counter);
  out.set_nonce(model::ToString(in.nonce));
  return out;
}

absl::StatusOr<model::Incarnation> FromProto(const v1::Incarnation& in) {
  FieldReader read("incarnation");
  model::Incarnation out;
  out.counter = read.Count("counter", in.counter());
  if (!out.empty()) {
    const auto nonce = model::ParseId<model::Nonce>(in.nonce());
    if (nonce.ok()) out.nonce = *nonce;
    if (!nonce.ok()) read.Fail("nonce", nonce.status().message());
  }
  if (!read.status().ok()) return read.status();
  return out;
}

void SetRun(const model::AgentRun& run, v1::Hello* hello) {
  hello->set_run_first_sequence(run.first_sequence);
  hello->set_previous_end(static_cast<v1::PreviousEnd>(run.previous_end));
}

absl::StatusOr<model::AgentRun> RunOf(const v1::Hello& in) {
  FieldReader read("hello");
  model::AgentRun out;
  out.first_sequence = read.Count("run_first_sequence", in.run_first_sequence());
  out.previous_end = read.Enum("previous_end", in.previous_end(), model::PreviousEnd::kCutShort,
                               Presence::kOptional);
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Goodbye ToProto(const model::Goodbye& in) {
  v1::Goodbye out;
  out.set_cause(static_cast<v1::StopCause>(in.cause));
  out.set_detail(CleanText(in.detail, kMaxTitleBytes));
  out.set_session(ResourceName(in.session));
  return out;
}

absl::StatusOr<model::Goodbye> FromProto(const v1::Goodbye& in) {
  FieldReader read("goodbye");
  model::Goodbye out;
  out.cause =
      read.Enum("cause", in.cause(), model::StopCause::kPackageManager, Presence::kOptional);
  out.detail = read.Text("detail", in.detail(), kMaxTitleBytes);
  out.session = read.Session("session", in.session(), Presence::kOptional);
  if (!read.status().ok()) return read.status();
  return out;
}

v1::EndRequest EndRequestToProto(const model::HopKey& key) {
  v1::EndRequest out;
  out.set_hop_key(model::ToString(key));
  return out;
}

absl::StatusOr<model::HopKey> FromProto(const v1::EndRequest& in) {
  FieldReader read("end_request");
  const model::HopKey key = read.HopKey("hop_key", in.hop_key());
  if (key.empty()) read.Fail("hop_key", "empty");
  if (!read.status().ok()) return read.status();
  return key;
}

v1::Provenance ToProto(const model::Provenance& in) {
  v1::Provenance out;
  out.set_session(ResourceName(in.session));
  out.set_root(ResourceName(in.root));
  out.set_root_host(ResourceName(in.root_host));
  out.set_root_host_name(CleanText(in.root_host_name, kMaxNameBytes));
  out.set_root_user(CleanText(in.root_user, kMaxNameBytes));
  out.set_depth(in.depth);
  for (size_t i = 0; i < std::min(in.path.size(), kMaxProvenanceSteps); ++i) {
    out.add_path(CleanText(in.path[i], 2 * kMaxNameBytes + 1));
  }
  out.set_proven(in.proven);
  return out;
}

absl::StatusOr<model::Provenance> FromProto(const v1::Provenance& in) {
  FieldReader read("provenance");
  model::Provenance out;
  out.session = read.Session("session", in.session(), Presence::kRequired);
  out.root = read.Session("root", in.root(), Presence::kRequired);
  out.root_host = read.Host("root_host", in.root_host(), Presence::kOptional);
  out.root_host_name = read.Text("root_host_name", in.root_host_name(), kMaxNameBytes);
  out.root_user = read.Text("root_user", in.root_user(), kMaxNameBytes);
  out.depth = in.depth();
  if (read.AtMost("path", in.path_size(), kMaxProvenanceSteps)) {
    for (const std::string& step : in.path()) {
      out.path.push_back(read.Text("path", step, 2 * kMaxNameBytes + 1));
    }
  }
  out.proven = in.proven();
  if (!read.status().ok()) return read.status();
  return out;
}

}  // namespace hoptrail::wire
