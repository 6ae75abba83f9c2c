// The record decoder behind its size checks: records with correct type, sizes and counts, whose
// other bytes come from the fuzzer. The decoder must accept such a record.

#include <algorithm>
#include <cstring>
#include <string>

#include "agent/decode/decoder.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/record_layout.h"
#include "tests/fuzz/require.h"

namespace hoptrail::fuzz {
namespace {

using agent::decode::Event;

// Reads the type, then a length for each text, then the bytes of the fixed part, then the texts.
std::string BuildRecord(ByteSource& source) {
  const auto type = static_cast<uint16_t>(source.Byte() % HT_TYPES);
  const RecordLayout& layout = RecordLayouts()[type];
  std::string record(std::max(layout.fixed, sizeof(ht_header)), '\0');
  std::vector<uint16_t> lengths;
  for (size_t i = 0; i < layout.text_counts.size(); ++i) lengths.push_back(source.Two());
  const absl::string_view fixed = source.Take(record.size());
  std::copy(fixed.begin(), fixed.end(), record.begin());
  // The top byte of each time (little-endian): the decoder refuses times past 62 bits.
  for (const size_t time : kHeaderTimes) record[time + 7] &= 0x3f;
  for (const size_t time : layout.times) record[time + 7] &= 0x3f;
  std::string texts;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const absl::string_view text = source.Take(lengths[i]);
    const auto length = static_cast<uint16_t>(text.size());
    std::memcpy(record.data() + layout.text_counts[i], &length, sizeof(length));
    texts.append(text.data(), text.size());
  }
  record += texts;
  const auto size = static_cast<uint32_t>(record.size());
  std::memcpy(record.data() + offsetof(ht_header, size), &size, sizeof(size));
  std::memcpy(record.data() + offsetof(ht_header, type), &type, sizeof(type));
  return record;
}

}  // namespace
}  // namespace hoptrail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  fuzz::ByteSource source(data, size);
  const std::string record = fuzz::BuildRecord(source);
  const auto event = agent::decode::Decode(record.data(), record.size());
  const auto type = static_cast<uint8_t>(data == nullptr || size == 0 ? 0 : data[0] % HT_TYPES);
  const fuzz::RecordLayout& layout = fuzz::RecordLayouts()[type];
  if (layout.fixed != 0) fuzz::RequireOk(event.status(), "a record with correct sizes is accepted");
  fuzz::Require(!event.ok() || layout.fixed != 0, "a type that is not in the table is refused");
  // A truncated record must be refused.
  const std::string cut = record.substr(0, size % (record.size() + 1));
  const auto half = agent::decode::Decode(cut.data(), cut.size());
  fuzz::Require(!half.ok() || cut.size() == record.size(), "a truncated record is refused");
  return 0;
}
