#ifndef HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_
#define HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_

// The BPF programs and attachments that the calling process holds, asked of the kernel itself.

#include <cstdint>
#include <string>
#include <vector>

namespace hoptrail::kernel_test {

// One program as the kernel loaded it.
struct LoadedProgram {
  std::string name;
  uint32_t instructions = 0;           // after loading
  uint32_t lines = 0;                  // of its source, as it tells them; 0 where it tells none
  uint32_t machine_bytes = 0;          // of machine code; 0 without a just-in-time compiler
  uint32_t verified_instructions = 0;  // that the verifier went through; 0 before Linux 5.16
};

// By name.
std::vector<LoadedProgram> OwnPrograms();

// The tracepoints that own programs are attached to, as "sys_exit_accept".
std::vector<std::string> OwnTracepoints();

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_OWN_PROGRAMS_H_
