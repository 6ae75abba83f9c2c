// bench-floor: loads the floor's programs and reads their ring every 100 ms or when it is woken.
// Prints `ready` when it begins to read, and the counts of what it read at its end.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "bpf/bpf.h"
#include "bpf/floor.skel.h"

#include "tests/bench/floor/record.h"

namespace {

constexpr int kEveryMs = 100;

std::atomic<bool> stop = false;
uint64_t counts[FLOOR_KINDS] = {};

int OnRecord(void*, void* data, size_t size) {
  floor_record record;
  if (size != sizeof(record)) return -EINVAL;
  std::memcpy(&record, data, size);
  if (record.kind < FLOOR_KINDS) ++counts[record.kind];
  return 0;
}

int Fail(const char* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main() {
  static_assert(sizeof(floor_record) == 64);
  for (const int number : {SIGTERM, SIGINT}) signal(number, [](int) { stop = true; });
  size_t bytes = 0;
  const void* const elf = floor_bpf__elf_bytes(&bytes);
  bpf_object* const floor = bpf_object__open_mem(elf, bytes, nullptr);
  if (floor == nullptr || bpf_object__load(floor) != 0) return Fail("loading the programs");
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, floor) {
    if (bpf_program__attach(program) == nullptr) return Fail(bpf_program__name(program));
  }
  const int ring_fd = bpf_object__find_map_fd_by_name(floor, "ring");
  ring_buffer* const ring = ring_buffer__new(ring_fd, OnRecord, nullptr, nullptr);
  if (ring == nullptr) return Fail("ring");
  std::printf("ready\n");
  std::fflush(stdout);
  while (!stop) {
    const int polled = ring_buffer__poll(ring, kEveryMs);
    // Records submitted without a wake-up do not make the ring readable for poll.
    if (polled == 0) ring_buffer__consume(ring);
    if (polled < 0 && polled != -EINTR) return Fail("reading");
  }
  ring_buffer__consume(ring);
  uint32_t first = 0;
  uint64_t lost = 0;
  bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(floor, "lost"), &first, &lost);
  std::printf("fork %llu exec %llu exit %llu tcp %llu lost %llu\n",
              static_cast<unsigned long long>(counts[FLOOR_FORK]),
              static_cast<unsigned long long>(counts[FLOOR_EXEC]),
              static_cast<unsigned long long>(counts[FLOOR_EXIT]),
              static_cast<unsigned long long>(counts[FLOOR_TCP]),
              static_cast<unsigned long long>(lost));
  return 0;
}
