// Messages of the collector to an agent.

#include "core/wire/stream_control.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  v1::CollectorMessage message;
  if (!message.ParseFromArray(data, static_cast<int>(size)) || !message.has_provenance()) return 0;
  const auto provenance = wire::FromProto(message.provenance());
  if (!provenance.ok()) return 0;
  const auto again = wire::FromProto(wire::ToProto(*provenance));
  fuzz::RequireOk(again.status(), "an accepted value can be encoded again");
  fuzz::Require(*again == *provenance, "an accepted value is encoded unchanged");
  return 0;
}
