#ifndef HOPTRAIL_AGENT_DECODE_DECODER_TESTING_H_
#define HOPTRAIL_AGENT_DECODE_DECODER_TESTING_H_

// For tests: records as the kernel side writes them.

#include <cstdint>
#include <cstring>
#include <string>

#include "bpf/abi/events.h"

namespace hoptrail::agent::decode {

template <typename T>
T Record(uint16_t type) {
  T record;
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  auto* header = reinterpret_cast<ht_header*>(&record);
  header->size = sizeof(T);
  header->type = type;
  return record;
}

template <typename T>
std::string Bytes(const T& record) {
  return std::string(reinterpret_cast<const char*>(&record), sizeof(record));
}

// An exec or process snapshot record with its variable parts, as the kernel side writes them.
inline std::string ExecRecord(uint16_t type, const std::string& path, const std::string& directory,
                              const std::string& arguments, const std::string& cgroups = "") {
  auto exec = Record<ht_exec>(type);
  exec.path.length = path.size();
  exec.directory.length = directory.size();
  exec.cgroups.length = cgroups.size();
  exec.arguments.length = arguments.size();
  exec.header.size =
      sizeof(exec) + path.size() + directory.size() + cgroups.size() + arguments.size();
  exec.device = 8u << 20 | 3;
  exec.inode = 77;
  return Bytes(exec) + path + directory + cgroups + arguments;
}

inline const std::string kPath("sshd\0sbin\0usr\0", 14);
inline const std::string kArguments("sshd\0-D\0", 8);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_DECODER_TESTING_H_
