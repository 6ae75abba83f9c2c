#include "core/graph/hop_id.h"

#include "absl/strings/str_cat.h"

#include "core/base/digest.h"

namespace hoptrail::graph {

HopId DeriveHopId(const model::HopEnd& end) {
  const std::string host = model::ToString(end.host);
  const std::string side = absl::StrCat(static_cast<int>(end.side));
  if (!end.hop_key.empty()) return {Digest128({"hop", host, side, model::ToString(end.hop_key)})};
  return {Digest128({"hop", host, side, absl::StrCat(end.network_namespace),
                     model::ToString(end.flow.client), model::ToString(end.flow.server),
                     absl::StrCat(end.established_boot_ns)})};
}

}  // namespace hoptrail::graph
