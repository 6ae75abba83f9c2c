// Stored values, read back from a damaged file. The first byte selects the type.

#include "collector/store/sqlite/codec.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

template <typename Model>
void Check(const absl::StatusOr<Model>& value, absl::StatusOr<Model> (*decode)(absl::string_view)) {
  if (!value.ok()) {
    Require(value.status().code() == absl::StatusCode::kDataLoss, "damage is DATA_LOSS");
    return;
  }
  const auto again = decode(collector::store::Encode(*value));
  RequireOk(again.status(), "a value that was read can be written");
  Require(*again == *value, "a value that was read is written unchanged");
}

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  using namespace hoptrail::collector;
  fuzz::ByteSource source(data, size);
  const uint8_t kind = source.Byte() % 4;
  const absl::string_view blob = source.Rest();
  if (kind == 0) fuzz::Check(store::DecodeSession(blob), store::DecodeSession);
  if (kind == 1) fuzz::Check(store::DecodeHop(blob), store::DecodeHop);
  if (kind == 2) fuzz::Check(store::DecodeDetection(blob), store::DecodeDetection);
  if (kind == 3) fuzz::Check(store::DecodeIncident(blob), store::DecodeIncident);
  (void)store::HostFrom(blob);
  return 0;
}
