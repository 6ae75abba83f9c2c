#include "agent/app/reload.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

#include "agent/app/host_facts.h"
#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"
#include "core/config/credentials.h"
#include "core/config/findings.h"

namespace hoptrail::agent::app {
namespace {

constexpr size_t kMostBytes = 1u << 20;  // as the parser takes

bool Same(const v1::CollectorAddress& a, const v1::CollectorAddress& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

Reload PlanReload(const Settings& started, const Settings& present, const Settings& fresh) {
  Reload reload{.settings = started};
  Settings& next = reload.settings;
  const auto take = [&](const char* key, bool same) {
    if (!same) reload.changed.emplace_back(key);
  };
  const auto keep = [&](const char* key, bool same) {
    if (!same) reload.needs_restart.emplace_back(key);
  };
  next.host_name = fresh.host_name;
  take("host.name", present.host_name == fresh.host_name);
  next.collector = fresh.collector;
  take("collector", Same(present.collector, fresh.collector));
  next.pivot = fresh.pivot;
  take("rules.pivot", present.pivot == fresh.pivot);
  next.brute_force = fresh.brute_force;
  take("rules.brute_force", present.brute_force == fresh.brute_force);
  next.spool_bytes = fresh.spool_bytes;
  take("spool.max_mib", present.spool_bytes == fresh.spool_bytes);
  next.log_level = fresh.log_level;
  take("log_level", present.log_level == fresh.log_level);

  keep("state_directory", started.state_directory == fresh.state_directory);
  keep("host.machine_id_file", started.machine_id_file == fresh.machine_id_file);
  keep("scope.network_namespace", started.network_namespace == fresh.network_namespace);
  keep("hops.watched_ports", started.watched_ports == fresh.watched_ports);
  keep("kernel.syscall_hooks", started.sensor.syscall_hooks == fresh.sensor.syscall_hooks);
  keep("kernel.high_ring_kib", started.sensor.high_ring_bytes == fresh.sensor.high_ring_bytes);
  keep("kernel.low_ring_kib", started.sensor.low_ring_bytes == fresh.sensor.low_ring_bytes);
  keep("kernel.watch", started.sensor.watch == fresh.sensor.watch);
  return reload;
}

absl::StatusOr<Reload> CheckReload(const Settings& started, const Settings& present,
                                   const std::string& text) {
  HT_ASSIGN_OR_RETURN(const Settings fresh, ParseSettings(text, started.file));
  HT_RETURN_IF_ERROR(CheckSettings(fresh).FirstOf(config::Weight::kError));
  if (fresh.collector.has_tls()) HT_RETURN_IF_ERROR(config::CheckTls(fresh.collector.tls()));
  return PlanReload(started, present, fresh);
}

absl::StatusOr<std::string> ReadConfiguration(const std::string& path) {
  // Not blocking: a FIFO in the file's place must not hang the caller.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), chunk, sizeof(chunk));
    if (count < 0) return absl::ErrnoToStatus(errno, path);
    if (count == 0) return text;
    text.append(chunk, static_cast<size_t>(count));
    if (text.size() > kMostBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": larger than ", kMostBytes, " bytes"));
    }
  }
}

}  // namespace hoptrail::agent::app
