#include "cli/path_model.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "cli/format.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

bool SameEndpoint(const v1::Endpoint& a, const v1::Endpoint& b) {
  return a.address() == b.address() && a.port() == b.port();
}

}  // namespace

PathShape ShapeOf(const v1::Path& path) {
  PathShape shape;
  const int size = path.steps_size();
  shape.parents.resize(size, -1);
  shape.children.resize(size);
  for (int i = 0; i < size; ++i) {
    const int parent = path.steps(i).parent();
    if (parent >= 0 && parent < i) {
      shape.parents[i] = parent;
      shape.children[parent].push_back(i);
    } else {
      shape.roots.push_back(i);
    }
  }
  return shape;
}

bool IsTranslated(const v1::PathStep& step) {
  if (!step.hop().has_client() || !step.hop().has_server()) return false;
  const v1::Flow& client = step.hop().client().flow();
  const v1::Flow& server = step.hop().server().flow();
  return !SameEndpoint(client.client(), server.client()) ||
         !SameEndpoint(client.server(), server.server());
}

int64_t StepMilliseconds(const v1::PathStep& step) {
  if (step.hop().server().has_establish_time()) {
    return Milliseconds(step.hop().server().establish_time());
  }
  return Milliseconds(step.session().open_time());
}

std::string MissingWords(const v1::OriginHost& origin, const Style& style) {
  switch (origin.reason()) {
    case v1::AGENT_DOWN:
      if (origin.has_until_time()) {
        return absl::StrCat("its agent was down until ", FormatTime(origin.until_time(), style));
      }
      return origin.has_since_time() ? absl::StrCat("its agent has been down since ",
                                                    FormatTime(origin.since_time(), style))
                                     : std::string("its agent is down");
    case v1::AGENT_CAME_LATER:
      return absl::StrCat("its agent first reported the address at ",
                          FormatTime(origin.until_time(), style));
    case v1::ADDRESS_MOVED:
      return absl::StrCat("it had the address until ", FormatTime(origin.since_time(), style));
    case v1::RAW_SOCKET:
      return absl::StrCat("its agent reported no such connection, but ",
                          Escape(origin.program(), style, 128), " sent by a raw socket");
    case v1::SAME_HOST:
      return "the connection did not leave the host";
    case v1::NO_AGENT:
      return "it has no agent";
    default:
      return "its agent reported no such connection";
  }
}

std::string OriginHostWords(const v1::PathStep& step, const Style& style) {
  std::vector<std::string> hosts;
  for (const v1::OriginHost& origin : step.origin_hosts()) {
    hosts.push_back(absl::StrCat(Escape(origin.host_name(), style, 64), " (",
                                 MissingWords(origin, style), ")"));
  }
  return absl::StrJoin(hosts, " or ");
}

std::string OriginWords(const v1::PathStep& step, const Style& style) {
  if (step.origin_hosts_size() == 0) return "outside the fleet";
  return absl::StrCat("from ", OriginHostWords(step, style));
}

std::string OriginAddress(const v1::PathStep& step, const Style& style) {
  if (step.hop().has_client()) return "";  // An agent reported that end.
  const v1::Flow& flow =
      step.hop().has_server() ? step.hop().server().flow() : step.session().entry_flow();
  return flow.client().address().empty() ? "" : FormatEndpoint(flow.client(), style);
}

std::string ProofWords(const v1::PathStep& step, const Style& style) {
  const std::string inferred =
      Paint(absl::StrFormat("INFERRED p=%.2f", step.probability()), Colour::kYellow, style);
  const bool certain = step.proof() != v1::INFERRED;
  if (!step.link().empty()) {
    return absl::StrCat(Escape(step.link(), style, 64), ", same host", certain ? "" : ", ",
                        certain ? "" : inferred);
  }
  if (!step.session().unmonitored_address().empty()) {
    return Paint("one end only (no agent at the other)", Colour::kYellow, style);
  }
  switch (step.hop().proof()) {
    case v1::PROVEN:
      // Nobody may read the one for the other.
      return certain ? Paint("PROVEN", Colour::kGreen, style)
                     : absl::StrCat("connection PROVEN, cause ", inferred);
    case v1::INFERRED:
      return inferred;
    default:
      if (!certain) return inferred;  // through a host without an agent
      return Paint("UNJOINED (one end is missing)", Colour::kYellow, style);
  }
}

std::string OtherCauseWords(const v1::OtherCause& cause, const Style& style) {
  const std::string proof = cause.proof() == v1::PROVEN
                                ? "PROVEN"
                                : absl::StrFormat("INFERRED p=%.2f", cause.probability());
  return absl::StrCat(Escape(cause.title(), style), " on ", Escape(cause.host_name(), style, 64),
                      ", ", proof, ", session ", ShortId(cause.session(), style));
}

}  // namespace hoptrail::cli
