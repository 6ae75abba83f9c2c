#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::collector::engine {

// One session of a path, as the fleet rules see it.
struct Step {
  model::SessionId session;
  model::HostId host;
  std::string host_name;
  std::string title;    // who or what it is: model::Title
  std::string user;     // whom its processes act as, by an entry that had to say so; may be empty
  std::string origin;   // of a root: the peer's address; empty where none
  uint32_t depth = 0;   // hops from the root
  bool by_hop = false;  // reached over a connection; false: the root, or caused on the same host
  model::Proof proof = model::Proof::kUnknown;  // of that connection
  bool new_edge = false;  // nobody but this path's root ever took this way as this user
  model::AuthMethod method = model::AuthMethod::kUnknown;
  std::string key_fingerprint;
  int64_t opened_wall_ns = 0;  // by its host's clock
};

// From the root to one session; never empty.
using PathView = std::vector<Step>;

// "gw"; by its machine where it has no name.
std::string HostLabel(const Step& step);
// "staff@gw", "service nginx.service (www-data)@web".
std::string Label(const Step& step);
// "staff@gw → deploy@web → root@db"; the middle is left out of a long one.
std::string Chain(const PathView& path);
bool Proven(const PathView& path);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_PATH_VIEW_H_
