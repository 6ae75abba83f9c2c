#ifndef HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
#define HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_

// The records of bpf/abi/events.h as the fuzz targets see them: how long each type's fixed part is
// and which counted texts stand behind it. A type that is not described here is fuzzed all the
// same, but not demanded to be read.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bpf/abi/events.h"

#include "agent/decode/decoder.h"

namespace hoptrail::fuzz {

// Where a record's header has times, which the decoder refuses past 62 bits.
inline constexpr size_t kHeaderTimes[] = {
    offsetof(ht_header, boot_ns), offsetof(ht_header, who.start_ns),
    offsetof(ht_header, who.parent_start_ns), offsetof(ht_header, who.label_start_ns)};

struct RecordLayout {
  size_t fixed = 0;                 // bytes, the header included; 0: the decoder knows no such type
  std::vector<size_t> text_counts;  // where the ht_text of each text behind the fixed part stands
  std::vector<size_t> times;        // where times besides the header's stand
  bool described = false;           // the two lists are complete
};

inline const std::array<RecordLayout, HT_TYPES>& RecordLayouts() {
  static const auto* const layouts = [] {
    auto* table = new std::array<RecordLayout, HT_TYPES>();
    const std::vector<size_t> program = {offsetof(ht_exec, path), offsetof(ht_exec, directory),
                                         offsetof(ht_exec, arguments)};
    for (uint16_t type = 0; type < HT_TYPES; ++type) {
      (*table)[type].fixed = agent::decode::LeastSize(type);
    }
    const auto describe = [&](ht_type type, std::vector<size_t> texts, std::vector<size_t> times) {
      (*table)[type].text_counts = std::move(texts);
      (*table)[type].times = std::move(times);
      (*table)[type].described = true;
    };
    describe(HT_TYPE_FORK, {},
             {offsetof(ht_fork, child_start_ns), offsetof(ht_fork, child_label_start_ns)});
    describe(HT_TYPE_EXEC, program, {});
    describe(HT_TYPE_PROCESS_SNAPSHOT, program, {});
    for (const ht_type type : {HT_TYPE_EXIT, HT_TYPE_TCP, HT_TYPE_ACCEPT, HT_TYPE_PAM, HT_TYPE_SSHD,
                               HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE, HT_TYPE_LOST}) {
      describe(type, {}, {});
    }
    return table;
  }();
  return *layouts;
}

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
