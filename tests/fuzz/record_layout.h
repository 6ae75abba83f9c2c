#ifndef HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
#define HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_

// The layouts of the records in bpf/abi/events.h: the size of each type's fixed part, and the
// counted texts behind it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bpf/abi/events.h"

#include "agent/decode/decoder.h"

namespace hoptrail::fuzz {

// Offsets of the times in a record's header. The decoder refuses times past 62 bits.
inline constexpr size_t kHeaderTimes[] = {
    offsetof(ht_header, boot_ns), offsetof(ht_header, who.start_ns),
    offsetof(ht_header, who.parent_start_ns), offsetof(ht_header, who.tag_start_ns)};

struct RecordLayout {
  size_t fixed = 0;                 // bytes, header included; 0: a type unknown to the decoder
  std::vector<size_t> text_counts;  // offsets of the ht_text of each text behind the fixed part
  std::vector<size_t> times;        // offsets of further times
};

inline const std::array<RecordLayout, HT_TYPES>& RecordLayouts() {
  static const auto* const layouts = [] {
    auto* table = new std::array<RecordLayout, HT_TYPES>();
    const std::vector<size_t> program = {offsetof(ht_exec, path), offsetof(ht_exec, directory),
                                         offsetof(ht_exec, cgroups), offsetof(ht_exec, arguments)};
    for (uint16_t type = 0; type < HT_TYPES; ++type) {
      (*table)[type].fixed = agent::decode::LeastSize(type);
    }
    const auto describe = [&](ht_type type, std::vector<size_t> texts, std::vector<size_t> times) {
      (*table)[type].text_counts = std::move(texts);
      (*table)[type].times = std::move(times);
    };
    describe(HT_TYPE_FORK, {},
             {offsetof(ht_fork, child_start_ns), offsetof(ht_fork, child_tag_start_ns)});
    describe(HT_TYPE_EXEC, program, {});
    describe(HT_TYPE_PROCESS_SNAPSHOT, program, {});
    describe(HT_TYPE_UNIX_CONNECT, {offsetof(ht_unix_connect, name)},
             {offsetof(ht_unix_connect, peer_start_ns)});
    describe(HT_TYPE_FILE, {offsetof(ht_file, path)}, {});
    describe(HT_TYPE_TAMPERING, {}, {offsetof(ht_tampering, target_start_ns)});
    describe(HT_TYPE_TRACE, {}, {offsetof(ht_trace, target_start_ns)});
    return table;
  }();
  return *layouts;
}

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
