#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_IDS_FOR_TEST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_IDS_FOR_TEST_H_

#include <cstdint>

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// A session id for tests; another one for each number.
inline model::SessionId Id(uint8_t n) {
  model::SessionId id;
  id.bytes[0] = n;
  return id;
}

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_IDS_FOR_TEST_H_
