#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/engine/values/origin_host.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::collector::engine {

// One session of a path, as the fleet rules see it.
struct Step {
  model::SessionId session;
  model::HostId host;
  std::string host_name;
  std::string title;   // model::Title
  std::string user;    // the user that the entry had to authenticate or name; may be empty
  std::string origin;  // for a root: the peer's address; empty if there is none
  // For the last step, if it is a root or came from a host without an agent: the fleet's hosts that
  // have or had the peer's address, although no agent reported the client's end. Empty while one
  // may still report it, and for a known translation.
  std::vector<OriginHost> origin_hosts;
  bool authenticated = false;  // PAM or sshd reported the login
  uint32_t depth = 0;          // hops from the root
  bool by_hop = false;  // reached over a connection; false: the root, or caused on the same host
  // The grade of the link to the step before: of the connection and of that step as its cause.
  model::Proof proof = model::Proof::kUnknown;
  double probability = 0;  // of that link
  bool new_edge = false;   // no other path used this edge earlier (KnownEdges)
  model::AuthMethod method = model::AuthMethod::kUnknown;
  std::string key_fingerprint;
  // Ends of connections that its host reports of this session, and another host of itself, which
  // fits better (model::Contradiction::kRival).
  size_t disputed_ends = 0;
  int64_t opened_wall_ns = 0;  // by its host's clock
};

// From the root to one session; never empty.
using PathView = std::vector<Step>;

// "gw"; the machine id if the host has no name.
std::string HostLabel(const Step& step);
// "staff@gw", "service nginx.service (www-data)@web".
std::string Label(const Step& step);
// "staff@gw → deploy@web → root@db"; without its middle if the path is long.
std::string Chain(const PathView& path);
bool Proven(const PathView& path);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_
