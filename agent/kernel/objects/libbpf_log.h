#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_

// What libbpf prints, kept instead of printed: its verifier logs are thousands of lines long. Of
// the calling thread each.

#include <string>

namespace hoptrail::agent::kernel {

// From now on libbpf's lines go nowhere else.
void KeepLibbpfLog();

// What libbpf said last; cleared by reading.
std::string TakeLibbpfComplaint();

// The program that the kernel refused last, and the verifier's last word on it.
struct RefusedProgram {
  std::string name;     // empty: none
  std::string because;  // empty where the verifier said nothing
};
RefusedProgram TakeRefusedProgram();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_
