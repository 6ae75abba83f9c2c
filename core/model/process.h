#ifndef HOPTRAIL_CORE_MODEL_PROCESS_H_
#define HOPTRAIL_CORE_MODEL_PROCESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/ids.h"

namespace hoptrail::model {

// (uid_t)-1 and (unsigned)-1: the audit login uid and session id of a process that nobody logged
// in to start (task_struct::loginuid, ::sessionid).
inline constexpr uint32_t kNoLogin = 0xffffffff;

// The identity that a process acts as: task_struct::real_cred, loginuid, sessionid.
struct Credentials {
  uint32_t uid = 0;
  uint32_t euid = 0;
  uint32_t gid = 0;
  uint32_t egid = 0;
  uint32_t login_uid = kNoLogin;
  uint32_t audit_session = kNoLogin;

  bool operator==(const Credentials&) const = default;
};

// Inode numbers of the namespaces (nsproxy, user_ns); 0 where unknown.
struct Namespaces {
  uint32_t pid = 0;
  uint32_t mount = 0;
  uint32_t network = 0;
  uint32_t user = 0;

  bool operator==(const Namespaces&) const = default;
};

// One program that a process runs, from exec to the next exec or exit.
struct Image {
  std::string path;                    // of the executable, as the kernel resolved it
  std::vector<std::string> arguments;  // argv, at most 4 KiB together
  bool arguments_truncated = false;
  std::string working_directory;
  uint64_t device = 0;  // dev_t of the executable's file system
  uint64_t inode = 0;

  bool operator==(const Image&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_PROCESS_H_
