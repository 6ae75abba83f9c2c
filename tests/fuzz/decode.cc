// The record decoder with arbitrary bytes.

#include <memory>

#include "agent/decode/decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A buffer of exactly that size, so that AddressSanitizer sees a read past its end.
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[size]);
  std::copy_n(data, size, exact.get());
  (void)hoptrail::agent::decode::Decode(exact.get(), size);
  return 0;
}
