#ifndef HOPTRAIL_AGENT_SESSION_FILE_WRITERS_H_
#define HOPTRAIL_AGENT_SESSION_FILE_WRITERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/decode/event.h"
#include "agent/session/host_tables.h"
#include "agent/session/state_store.h"

namespace hoptrail::agent::session {

// Remembers which remote sessions have written the files that later sessions run: what a shell runs
// at a login, crontabs, jobs of at, units, authorized keys. Names them as drivers of the sessions
// that then run these files. Kept over restarts and boots. Not thread-safe.
class FileWriters {
 public:
  // Bounds: the oldest writers are forgotten. A session that writes many files loses its own.
  static constexpr size_t kMaxWriters = 1'024;
  static constexpr size_t kMaxOfSession = 64;
  static constexpr size_t kMaxOfFile = 3;

  explicit FileWriters(HostTables* tables) : tables_(*tables) {}

  void Restore(std::vector<FileWriter> writers);
  void OnFile(const process::Process& process, const decode::File& file);
  // To be called before the session is reported: adds the drivers that are known by now.
  void AddDrivers(Node& node) const;

  size_t size() const { return writers_.size(); }

 private:
  void Remove(size_t index);
  void HoldBounds(const FileWriter& added);

  HostTables& tables_;
  std::vector<FileWriter> writers_;  // oldest first
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FILE_WRITERS_H_
