// The filters of all lists, which clients write.

#include "collector/query/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail::collector;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  (void)query::ParseSessionFilter(text);
  (void)query::ParseHopFilter(text);
  (void)query::ParseEdgeFilter(text);
  (void)query::ParseDetectionFilter(text);
  (void)query::ParseIncidentFilter(text);
  (void)query::ParseHostFilter(text);
  return 0;
}
