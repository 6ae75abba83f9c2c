#ifndef HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_
#define HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_

// The BPF programs and attachments that the calling process holds, as the kernel reports them.

#include <cstdint>
#include <string>
#include <vector>

namespace hoptrail::kernel_test {

// One program as the kernel loaded it.
struct LoadedProgram {
  std::string name;
  uint32_t instructions = 0;           // after loading
  uint32_t lines = 0;                  // of source, by its line information; 0 without
  uint32_t machine_bytes = 0;          // of machine code; 0 without a just-in-time compiler
  uint32_t verified_instructions = 0;  // processed by the verifier; 0 before Linux 5.16
};

// Sorted by name.
std::vector<LoadedProgram> OwnPrograms();

// The tracepoints that these programs are attached to through perf, such as "sys_exit_accept".
std::vector<std::string> OwnTracepoints();

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_
