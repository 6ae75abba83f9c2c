#ifndef HOPTRAIL_COLLECTOR_STORE_STORED_HOP_H_
#define HOPTRAIL_COLLECTOR_STORE_STORED_HOP_H_

#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::collector::store {

// A hop and the id under which the store has it.
struct StoredHop {
  graph::HopId key;
  model::Hop hop;

  bool operator==(const StoredHop&) const = default;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_STORED_HOP_H_
