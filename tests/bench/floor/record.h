/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The floor's only record. */
#ifndef HOPTRAIL_TESTS_BENCH_FLOOR_RECORD_H_
#define HOPTRAIL_TESTS_BENCH_FLOOR_RECORD_H_

#ifdef __cplusplus
#include <cstdint>
#else
#include <stdint.h>
#endif

#define FLOOR_RING_BYTES (4u << 20)
#define FLOOR_WAKE_BYTES (256u << 10)

enum floor_kind { FLOOR_FORK = 0, FLOOR_EXEC = 1, FLOOR_EXIT = 2, FLOOR_TCP = 3, FLOOR_KINDS = 4 };

struct floor_record {
  uint64_t boot_ns;
  uint64_t start_ns; /* of the process */
  uint32_t tgid;
  uint32_t kind; /* floor_kind */
  union {
    struct {
      uint32_t other; /* fork: the child; exec: the pid before; exit: the status */
      uint32_t uid;
      uint64_t cgroup_id;
      char comm[16];
    } process;
    struct {
      uint64_t socket;
      uint32_t old_state;
      uint32_t new_state;
      uint32_t client_isn;
      uint32_t server_isn;
      uint32_t remote_address;
      uint16_t remote_port;
      uint16_t local_port;
    } tcp;
  } of;
  uint64_t reserved;
};

#endif /* HOPTRAIL_TESTS_BENCH_FLOOR_RECORD_H_ */
