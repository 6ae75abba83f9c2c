#include "collector/api/origin.h"

#include <optional>
#include <string>
#include <vector>

#include <google/protobuf/util/time_util.h>

#include "collector/engine/values/origin_host.h"
#include "core/base/saturating.h"
#include "core/base/status_macros.h"
#include "core/model/ip_prefix.h"
#include "core/model/net.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::api {
namespace {

using engine::OriginHost;
using engine::OriginReason;
using google::protobuf::util::TimeUtil;

void Add(const OriginHost& origin, v1::PathStep* step) {
  v1::OriginHost* out = step->add_origin_hosts();
  if (!origin.host.empty()) out->set_host(wire::ResourceName(origin.host));
  out->set_host_name(engine::NameOf(origin));
  out->set_reason(static_cast<v1::OriginReason>(origin.reason));
  if (origin.since_wall_ns != 0) {
    *out->mutable_since_time() = TimeUtil::NanosecondsToTimestamp(origin.since_wall_ns);
  }
  if (origin.until_wall_ns != 0) {
    *out->mutable_until_time() = TimeUtil::NanosecondsToTimestamp(origin.until_wall_ns);
  }
  out->set_program(origin.program);
}

// An address that nobody reports and to which hosts of the fleet connect is a machine's that is not
// monitored. Everybody connects to public addresses: they are outside the fleet.
absl::Status AddUnmonitored(MessageReader* reader, const model::IpAddress& address,
                            v1::PathStep* step) {
  if (model::IsPublic(address)) return absl::OkStatus();
  store::EdgeFilter filter;
  filter.peer = address;
  filter.side = model::HopSide::kClient;
  HT_ASSIGN_OR_RETURN(const auto edges, reader->ListEdges(filter, std::nullopt, 1));
  if (!edges.items.empty()) {
    Add({.host_name = model::ToString(address), .reason = OriginReason::kNoAgent}, step);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddOrigin(MessageReader* reader, v1::PathStep* step) {
  const v1::Session& session = step->session();
  const bool unmonitored = !session.unmonitored_address().empty();
  if (step->hop().has_client() && !unmonitored) return absl::OkStatus();
  const v1::Flow& flow =
      step->hop().has_server() ? step->hop().server().flow() : session.entry_flow();
  const absl::StatusOr<model::IpAddress> address =
      model::ParseIpAddress(unmonitored ? session.unmonitored_address() : flow.client().address());
  if (!address.ok()) return absl::OkStatus();  // the session began without a connection
  HT_ASSIGN_OR_RETURN(const model::HostId own, wire::ParseHostName(session.host()));
  const OriginHost itself{
      .host = own, .host_name = session.host_name(), .reason = OriginReason::kSameHost};
  if (address->is_loopback()) {
    Add(itself, step);
    return absl::OkStatus();
  }
  HT_ASSIGN_OR_RETURN(const std::vector<store::AddressHostView> hosts,
                      reader->HostsWithAddress(*address));
  if (hosts.empty()) return AddUnmonitored(reader, *address, step);
  const int64_t opened = TimeUtil::TimestampToNanoseconds(session.open_time());
  for (const store::AddressHostView& host : hosts) {
    // A bridge's address, for example, which every host of a kind has.
    if (host.host.machine == own.machine && host.has_address) {
      step->clear_origin_hosts();
      Add(itself, step);
      return absl::OkStatus();
    }
    OriginHost origin{.host = host.host, .host_name = host.host_name};
    HT_ASSIGN_OR_RETURN(
        std::string program,
        reader->RawSocketProgram(host.host, SaturatingSubtract(opened, engine::kOriginSlackNs),
                                 SaturatingAdd(opened, engine::kOriginSlackNs)));
    engine::Explain({.opened_wall_ns = opened,
                     .address_first_wall_ns = host.first_wall_ns,
                     .address_last_wall_ns = host.last_wall_ns,
                     .has_address = host.has_address,
                     .agent_up = host.state == store::HostState::kConnected,
                     .agent_last_seen_wall_ns = host.last_seen_wall_ns,
                     .agent_started_wall_ns = host.agent_started_wall_ns,
                     .raw_program = std::move(program)},
                    &origin);
    Add(origin, step);
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::api
