#include "collector/engine/incident_title.h"

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "collector/engine/values/path_view.h"
#include "core/detect/evidence.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxTitleHosts = 8;
constexpr size_t kMaxTitleBytes = 300;

}  // namespace

std::string IncidentTitle(const GraphState& graph_state, const model::SessionId& root,
                          const TreeIndex::Tree& tree,
                          const std::vector<model::SessionId>& sessions) {
  const PathView main =
      graph_state.View(tree.reached.empty() ? root : tree.reached.begin()->session);
  const Step& first = main.front();
  absl::flat_hash_set<model::HostId> shown;
  std::vector<std::string> hosts;
  for (size_t i = 0; i < main.size(); ++i) {
    shown.insert(main[i].host);
    if (i > 0 && main[i].host == main[i - 1].host && !main[i].by_hop) continue;
    hosts.push_back(HostLabel(main[i]));
  }
  if (hosts.size() > kMaxTitleHosts) {
    hosts.erase(hosts.begin() + kMaxTitleHosts / 2, hosts.end() - kMaxTitleHosts / 2);
    hosts.insert(hosts.begin() + kMaxTitleHosts / 2, "…");
  }
  absl::flat_hash_set<model::HostId> others;
  for (const model::SessionId& id : sessions) {
    const SessionNode* other = graph_state.Find(id);
    if (other != nullptr && !shown.contains(other->host)) others.insert(other->host);
  }
  return hoptrail::detect::Bounded(
      absl::StrCat(first.title.empty() ? model::kUnreportedSession : first.title,
                   first.origin.empty() ? "" : absl::StrCat(" from ", first.origin), ": ",
                   absl::StrJoin(hosts, " → "),
                   others.empty() ? "" : absl::StrCat(" and ", others.size(), " more")),
      kMaxTitleBytes);
}

}  // namespace hoptrail::collector::engine
