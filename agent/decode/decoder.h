#ifndef HOPTRAIL_AGENT_DECODE_DECODER_H_
#define HOPTRAIL_AGENT_DECODE_DECODER_H_

// Decodes the kernel side's records. The bytes are not trusted: type, sizes and lengths are checked
// before the first read, so that no input causes a read out of bounds.

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

// Decodes one record (bpf/abi/events.h), which need not be aligned. INVALID_ARGUMENT says what is
// wrong with it; the caller counts that and continues. Thread-safe.
absl::StatusOr<Event> Decode(const void* data, size_t size);

// The name of a record type (ht_type) for people: "fork". "unknown" where there is no such type.
const char* TypeName(uint32_t type);
// The smallest size of a record of this type (ht_type) in bytes; 0 where there is no such type.
size_t LeastSize(uint16_t type);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_DECODER_H_
