#ifndef HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
#define HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_

// The records of bpf/abi/events.h as the fuzz targets see them: how long each type's fixed part is
// and which counted texts stand behind it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bpf/abi/events.h"

namespace hoptrail::fuzz {

// Where a record's header has times, which the decoder refuses past 62 bits.
inline constexpr size_t kHeaderTimes[] = {
    offsetof(ht_header, boot_ns), offsetof(ht_header, who.start_ns),
    offsetof(ht_header, who.parent_start_ns), offsetof(ht_header, who.label_start_ns)};

struct RecordLayout {
  size_t fixed = 0;                 // bytes, the header included; 0: the decoder knows no such type
  std::vector<size_t> text_counts;  // where the ht_text of each text behind the fixed part stands
  std::vector<size_t> times;        // where times besides the header's stand
};

inline const std::array<RecordLayout, HT_TYPES>& RecordLayouts() {
  static const auto* const layouts = [] {
    auto* table = new std::array<RecordLayout, HT_TYPES>();
    const std::vector<size_t> program = {offsetof(ht_exec, path), offsetof(ht_exec, directory),
                                         offsetof(ht_exec, arguments)};
    (*table)[HT_TYPE_FORK] = {
        sizeof(ht_fork),
        {},
        {offsetof(ht_fork, child_start_ns), offsetof(ht_fork, child_label_start_ns)}};
    (*table)[HT_TYPE_EXEC] = {sizeof(ht_exec), program, {}};
    (*table)[HT_TYPE_EXIT] = {sizeof(ht_exit), {}, {}};
    (*table)[HT_TYPE_TCP] = {sizeof(ht_tcp), {}, {}};
    (*table)[HT_TYPE_ACCEPT] = {sizeof(ht_accept), {}, {}};
    (*table)[HT_TYPE_PAM] = {sizeof(ht_pam), {}, {}};
    (*table)[HT_TYPE_SSHD] = {sizeof(ht_sshd), {}, {}};
    (*table)[HT_TYPE_PROCESS_SNAPSHOT] = {sizeof(ht_exec), program, {}};
    (*table)[HT_TYPE_SOCKET_SNAPSHOT] = {sizeof(ht_socket_snapshot), {}, {}};
    (*table)[HT_TYPE_SNAPSHOT_DONE] = {sizeof(ht_header), {}, {}};
    (*table)[HT_TYPE_LOST] = {sizeof(ht_lost), {}, {}};
    return table;
  }();
  return *layouts;
}

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_RECORD_LAYOUT_H_
