#ifndef HOPTRAIL_AGENT_APP_HEALTH_FILE_H_
#define HOPTRAIL_AGENT_APP_HEALTH_FILE_H_

// What an agent says about itself to probes on its own host: a small file, because the agent takes
// no connection from anywhere. docs/decisions/0023 says why it is where it is.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"
#include "core/model/ids.h"

namespace hoptrail::agent::app {

// What holds of the one holds of those before it.
enum class HealthState {
  kDown,   // the worker's loop has not gone round yet, or goes round no more
  kLive,   // it goes round, or another worker is about to take the place of one that ended
  kReady,  // it does its work (readiness.h)
};

struct HealthRecord {
  model::BootId boot;
  uint64_t boot_ns = 0;  // when it was written
  HealthState state = HealthState::kDown;
  std::string detail;  // a sentence, with the reason where not ready

  bool operator==(const HealthRecord&) const = default;
};

inline constexpr char kHealthDirectory[] = "/run/hoptrail-agent";

// Written once a second by the worker, and by the supervisor where there is no worker: one at a
// time. The descriptor is all that a writer needs, also without a privilege and on a full disk.
class HealthFile {
 public:
  HealthFile() = default;  // none: nothing is written
  explicit HealthFile(UniqueFd fd) : fd_(std::move(fd)) {}

  // Makes the file for the agent of that configuration file, in `directory`, which is on tmpfs, or
  // else in its state directory.
  static absl::StatusOr<HealthFile> Create(const std::string& config_path,
                                           const std::string& state_directory,
                                           const std::string& directory = kHealthDirectory);

  // A detail that is too long is cut.
  absl::Status Write(const HealthRecord& record) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// What the agent of that configuration file wrote last. `state_directory` is empty where the
// configuration cannot be read. NOT_FOUND where there is no file, so no agent that ever ran;
// DATA_LOSS where it is none of ours.
absl::StatusOr<HealthRecord> ReadHealth(const std::string& config_path,
                                        const std::string& state_directory,
                                        const std::string& directory = kHealthDirectory);

// Nothing where the agent is `wanted`, kLive or kReady; else why not. A record of another boot, or
// one that is older than `kReadyWithin` or `kLiveWithin`, is of an agent that hangs or is gone.
inline constexpr absl::Duration kReadyWithin = absl::Seconds(15);
inline constexpr absl::Duration kLiveWithin = absl::Seconds(60);
std::optional<std::string> WhyNot(HealthState wanted, const HealthRecord& record,
                                  const model::BootId& boot, uint64_t now_boot_ns);

// --health and --live: answers a probe in one line on standard output. The exit status: 0 or 1.
int AnswerProbe(HealthState wanted, const std::string& config_path);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_HEALTH_FILE_H_
