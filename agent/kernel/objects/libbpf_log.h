#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_

// Keeps the last of libbpf's messages in place of printing them: its verifier logs are thousands of
// lines long. Each thread has its own.

#include <string>

namespace hoptrail::agent::kernel {

// From now on libbpf prints nothing.
void KeepLibbpfLog();

// libbpf's last message, which this clears.
std::string TakeLibbpfComplaint();

// The program that the kernel refused last, and the last line of the verifier's log. The call
// clears both.
struct RefusedProgram {
  std::string name;     // empty: none was refused
  std::string because;  // empty where there is no verifier log
};
RefusedProgram TakeRefusedProgram();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_LIBBPF_LOG_H_
