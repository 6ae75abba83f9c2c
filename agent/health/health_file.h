#ifndef HOPTRAIL_AGENT_HEALTH_HEALTH_FILE_H_
#define HOPTRAIL_AGENT_HEALTH_HEALTH_FILE_H_

// The state that an agent publishes for probes on its own host, in a small file, because the agent
// accepts no connection. docs/decisions/0023 gives the reasons for the file's place.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// Each state includes the ones before it.
enum class HealthState {
  kDown,   // the worker's loop does not run: not yet, or not any more
  kLive,   // it runs, or another worker is about to replace one that ended
  kReady,  // the agent does its work (readiness.h)
};

struct HealthRecord {
  model::BootId boot;
  uint64_t boot_ns = 0;  // when it was written
  HealthState state = HealthState::kDown;
  std::string detail;  // a sentence; the reason where the agent is not ready

  bool operator==(const HealthRecord&) const = default;
};

inline constexpr char kHealthDirectory[] = "/run/hoptrail-agent";

// Written once a second by the worker, and by the supervisor while there is no worker: never by
// both at once. A writer needs only the descriptor, so it works without privileges and on a full
// disk.
class HealthFile {
 public:
  HealthFile() = default;  // no file: writes nothing
  explicit HealthFile(UniqueFd fd) : fd_(std::move(fd)) {}

  // Creates the file for the agent of that configuration file in `directory`, which is on tmpfs, or
  // in its state directory where that fails.
  static absl::StatusOr<HealthFile> Create(const std::string& config_path,
                                           const std::string& state_directory,
                                           const std::string& directory = kHealthDirectory);

  // Cuts a detail that is too long.
  absl::Status Write(const HealthRecord& record) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// The last record of the agent of that configuration file. `state_directory` is empty where the
// configuration cannot be read. NOT_FOUND: there is no file, so no agent ever ran; DATA_LOSS: the
// file is not an agent's.
absl::StatusOr<HealthRecord> ReadHealth(const std::string& config_path,
                                        const std::string& state_directory,
                                        const std::string& directory = kHealthDirectory);

// Nothing where the agent is in the state `wanted` (kLive or kReady), otherwise the reason. A
// record of another boot, or older than `kReadyWithin` or `kLiveWithin`, means that the agent hangs
// or has ended.
inline constexpr absl::Duration kReadyWithin = absl::Seconds(15);
inline constexpr absl::Duration kLiveWithin = absl::Seconds(60);
std::optional<std::string> WhyNot(HealthState wanted, const HealthRecord& record,
                                  const model::BootId& boot, uint64_t now_boot_ns);

// For --health and --live: answers a probe in one line on standard output. Returns the exit status,
// 0 or 1.
int AnswerProbe(HealthState wanted, const std::string& config_path);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HEALTH_HEALTH_FILE_H_
