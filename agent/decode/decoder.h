#ifndef HOPTRAIL_AGENT_DECODE_DECODER_H_
#define HOPTRAIL_AGENT_DECODE_DECODER_H_

// From the kernel side's bytes to values. Nothing is believed of the bytes: kind, sizes and counts
// are checked before anything is read, so that no input makes this read out of bounds.

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

// One record (bpf/abi/events.h), which need not be aligned. INVALID_ARGUMENT says what is wrong
// with it; the caller counts and goes on. Thread-safe.
absl::StatusOr<Event> Decode(const void* data, size_t size);

// The least size of a record of that type (ht_type); 0 where there is no such type.
size_t LeastSize(uint16_t type);

// "fork": what people call a record type (ht_type).
const char* TypeName(uint32_t type);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_DECODER_H_
