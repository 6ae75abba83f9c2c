#include "core/wire/agent_state.h"

#include <algorithm>

#include "core/wire/field_reader.h"
#include "core/wire/limits.h"
#include "core/wire/resource_names.h"
#include "core/wire/text.h"
#include "core/wire/values.h"

namespace hoptrail::wire {

static_assert(static_cast<int>(model::InterferenceKind::kEnded) == v1::ENDED);
static_assert(static_cast<int>(model::InterferenceKind::kStopped) == v1::STOPPED);
static_assert(static_cast<int>(model::InterferenceKind::kBlind) == v1::BLIND);
static_assert(static_cast<int>(model::InterferenceKind::kSilent) == v1::HEARTBEAT_TIMEOUT);
static_assert(static_cast<int>(model::InterferenceKind::kCloned) == v1::CLONED);
static_assert(static_cast<int>(model::InterferenceKind::kWeakened) == v1::WEAKENED);
static_assert(static_cast<int>(model::InterferenceKind::kWeakened) == v1::InterferenceKind_MAX);

static_assert(static_cast<int>(model::DegradationKind::kSpoolFull) == v1::SPOOL_FULL);
static_assert(static_cast<int>(model::DegradationKind::kStateUnwritable) == v1::STATE_UNWRITABLE);
static_assert(static_cast<int>(model::DegradationKind::kKernelDetached) == v1::KERNEL_DETACHED);
static_assert(static_cast<int>(model::DegradationKind::kRestartedWithoutHistory) ==
              v1::RESTARTED_WITHOUT_HISTORY);
static_assert(static_cast<int>(model::DegradationKind::kClockStepped) == v1::CLOCK_STEPPED);
static_assert(static_cast<int>(model::DegradationKind::kCloneSuspected) == v1::CLONE_SUSPECTED);
static_assert(static_cast<int>(model::DegradationKind::kCollectorStoreReadOnly) ==
              v1::COLLECTOR_STORE_READ_ONLY);
static_assert(static_cast<int>(model::DegradationKind::kLosingRecords) == v1::LOSING_RECORDS);
static_assert(static_cast<int>(model::DegradationKind::kClaimsRefused) == v1::CLAIMS_REFUSED);
static_assert(static_cast<int>(model::DegradationKind::kHostNameChanged) == v1::HOST_NAME_CHANGED);
static_assert(static_cast<int>(model::DegradationKind::kHostNameShared) == v1::HOST_NAME_SHARED);
static_assert(static_cast<int>(model::DegradationKind::kHostNameShared) == v1::DegradationKind_MAX);

v1::CoverageReport ToProto(const model::Coverage& in) {
  v1::CoverageReport out;
  out.set_host(ResourceName(in.host));
  v1::Coverage* coverage = out.mutable_coverage();
  coverage->set_kernel_release(CleanText(in.kernel_release, kMaxNameBytes));
  for (size_t i = 0; i < std::min(in.sources.size(), kMaxEventSources); ++i) {
    v1::SourceCoverage* source = coverage->add_sources();
    source->set_source(CleanText(in.sources[i].source, kMaxNameBytes));
    source->set_hook(CleanText(in.sources[i].hook, kMaxNameBytes));
    source->set_tier(in.sources[i].tier);
    for (size_t j = 0; j < std::min(in.sources[i].refusals.size(), kMaxRefusals); ++j) {
      source->add_refusals(CleanText(in.sources[i].refusals[j], kMaxTitleBytes));
    }
    for (size_t j = 0; j < std::min(in.sources[i].misses.size(), kMaxMisses); ++j) {
      source->add_misses(CleanText(in.sources[i].misses[j], kMaxTitleBytes));
    }
  }
  return out;
}

absl::StatusOr<model::Coverage> FromProto(const v1::CoverageReport& in) {
  FieldReader read("coverage");
  model::Coverage out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.kernel_release = read.Text("kernel_release", in.coverage().kernel_release(), kMaxNameBytes);
  if (read.AtMost("sources", in.coverage().sources_size(), kMaxEventSources)) {
    for (const v1::SourceCoverage& from : in.coverage().sources()) {
      model::SourceCoverage& source = out.sources.emplace_back();
      source.source = read.Text("sources.source", from.source(), kMaxNameBytes);
      source.hook = read.Text("sources.hook", from.hook(), kMaxNameBytes);
      source.tier = from.tier();
      if (!read.AtMost("sources.refusals", from.refusals_size(), kMaxRefusals)) break;
      for (const std::string& refusal : from.refusals()) {
        source.refusals.push_back(read.Text("sources.refusals", refusal, kMaxTitleBytes));
      }
      if (!read.AtMost("sources.misses", from.misses_size(), kMaxMisses)) break;
      for (const std::string& miss : from.misses()) {
        source.misses.push_back(read.Text("sources.misses", miss, kMaxTitleBytes));
      }
    }
  }
  if (!read.status().ok()) return read.status();
  return out;
}

v1::LossReport ToProto(const model::Loss& in) {
  v1::LossReport out;
  out.set_host(ResourceName(in.host));
  v1::Loss* loss = out.mutable_loss();
  loss->set_where(CleanText(in.where, kMaxNameBytes));
  loss->set_type(CleanText(in.type, kMaxNameBytes));
  loss->set_cpu(in.cpu);
  loss->set_count(CountToProto(in.count));
  if (in.from_wall_ns > 0) *loss->mutable_from_time() = TimeToProto(in.from_wall_ns);
  if (in.until_wall_ns > 0) *loss->mutable_until_time() = TimeToProto(in.until_wall_ns);
  return out;
}

absl::StatusOr<model::Loss> FromProto(const v1::LossReport& in) {
  FieldReader read("loss");
  model::Loss out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.where = read.Text("where", in.loss().where(), kMaxNameBytes);
  if (out.where.empty()) read.Fail("where", "must be set");
  out.type = read.Text("type", in.loss().type(), kMaxNameBytes);
  out.cpu = in.loss().cpu();
  out.count = read.Count("count", in.loss().count());
  out.from_wall_ns = read.Time("from_time", in.loss().from_time());
  out.until_wall_ns = read.Time("until_time", in.loss().until_time());
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Degradation ToProto(const model::Degradation& in) {
  v1::Degradation out;
  out.set_kind(static_cast<v1::DegradationKind>(in.kind));
  out.set_detail(CleanText(in.detail, kMaxTitleBytes));
  if (in.since_wall_ns > 0) *out.mutable_since_time() = TimeToProto(in.since_wall_ns);
  return out;
}

absl::StatusOr<model::Degradation> FromProto(const v1::Degradation& in) {
  FieldReader read("degradation");
  model::Degradation out;
  out.kind =
      read.Enum("kind", in.kind(), model::DegradationKind::kHostNameShared, Presence::kRequired);
  out.detail = read.Text("detail", in.detail(), kMaxTitleBytes);
  out.since_wall_ns = read.Time("since_time", in.since_time());
  if (!read.status().ok()) return read.status();
  return out;
}

v1::AgentHealth ToProto(const model::AgentHealth& in) {
  v1::AgentHealth out;
  out.set_host(ResourceName(in.host));
  out.set_host_name(CleanText(in.host_name, kMaxNameBytes));
  out.set_agent_version(CleanText(in.agent_version, kMaxNameBytes));
  if (in.started_wall_ns > 0) *out.mutable_start_time() = TimeToProto(in.started_wall_ns);
  if (in.wall_ns > 0) *out.mutable_time() = TimeToProto(in.wall_ns);
  out.set_events(CountToProto(in.events));
  out.set_lost(CountToProto(in.lost));
  out.set_spooled(CountToProto(in.spooled));
  out.set_resident_bytes(CountToProto(in.resident_bytes));
  for (size_t i = 0; i < std::min(in.addresses.size(), kMaxAddresses); ++i) {
    out.add_addresses(model::ToString(in.addresses[i]));
  }
  for (size_t i = 0; i < std::min(in.degradations.size(), kMaxDegradations); ++i) {
    *out.add_degradations() = ToProto(in.degradations[i]);
  }
  return out;
}

absl::StatusOr<model::AgentHealth> FromProto(const v1::AgentHealth& in) {
  FieldReader read("health");
  model::AgentHealth out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.host_name = read.Text("host_name", in.host_name(), kMaxNameBytes);
  out.agent_version = read.Text("agent_version", in.agent_version(), kMaxNameBytes);
  out.started_wall_ns = read.Time("start_time", in.start_time());
  out.wall_ns = read.Time("time", in.time());
  out.events = read.Count("events", in.events());
  out.lost = read.Count("lost", in.lost());
  out.spooled = read.Count("spooled", in.spooled());
  out.resident_bytes = read.Count("resident_bytes", in.resident_bytes());
  if (read.AtMost("addresses", in.addresses_size(), kMaxAddresses)) {
    for (const std::string& address : in.addresses()) {
      out.addresses.push_back(read.Address("addresses", address));
    }
  }
  if (read.AtMost("degradations", in.degradations_size(), kMaxDegradations)) {
    for (const v1::Degradation& degradation : in.degradations()) {
      out.degradations.push_back(read.Nested(FromProto(degradation)));
    }
  }
  if (!read.status().ok()) return read.status();
  return out;
}

v1::Interference ToProto(const model::Interference& in) {
  v1::Interference out;
  out.set_host(ResourceName(in.host));
  out.set_kind(static_cast<v1::InterferenceKind>(in.kind));
  out.set_detail(CleanText(in.detail, kMaxTitleBytes));
  if (in.wall_ns > 0) *out.mutable_time() = TimeToProto(in.wall_ns);
  return out;
}

absl::StatusOr<model::Interference> FromProto(const v1::Interference& in) {
  FieldReader read("interference");
  model::Interference out;
  out.host = read.Host("host", in.host(), Presence::kRequired);
  out.kind = read.Enum("kind", in.kind(), model::InterferenceKind::kWeakened, Presence::kRequired);
  out.detail = read.Text("detail", in.detail(), kMaxTitleBytes);
  out.wall_ns = read.Time("time", in.time());
  if (!read.status().ok()) return read.status();
  return out;
}

}  // namespace hoptrail::wire
