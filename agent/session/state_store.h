#ifndef HOPTRAIL_AGENT_SESSION_STATE_STORE_H_
#define HOPTRAIL_AGENT_SESSION_STATE_STORE_H_

// The state that the agent keeps over its own restart, so that it goes on using the same ids.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

// A remote session that has written a file which later sessions run: see FileWriters.
struct FileWriter {
  std::string path;  // as the kernel resolved it
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t owner = 0;        // uid of the file's owner
  model::SessionId session;  // perhaps of an earlier boot
  std::string user;          // that session's account
  std::string origin;        // the address that it came from; empty where unknown
  int64_t written_wall_ns = 0;

  bool operator==(const FileWriter&) const = default;
};

// Stores it. Called on the pipeline's thread, in the order of events. Saving a key again replaces
// its value, removing an unknown key does nothing. An implementation may buffer calls, although a
// crash then loses them: the next snapshot finds most of it again.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // Open sessions that are remote, were caused by a remote one or have provenance. Key: session.id.
  virtual void SaveSession(const model::Session& session) = 0;
  virtual void RemoveSession(const model::SessionId& session) = 0;

  // Living processes of saved sessions. Key: process.
  virtual void SaveMember(const model::ProcessKey& process, const model::SessionId& session) = 0;
  virtual void RemoveMember(const model::ProcessKey& process) = 0;

  // The last report of each open connection that was reported. Key: (side, hop key).
  virtual void SaveHop(const model::HopEnd& hop) = 0;
  virtual void RemoveHop(model::HopSide side, const model::HopKey& key) = 0;

  // Kept over boots. Key: (path, session).
  virtual void SaveFileWriter(const FileWriter& writer) = 0;
  virtual void RemoveFileWriter(const std::string& path, const model::SessionId& session) = 0;
};

// Everything that the previous run has saved. The caller drops what is from another boot, except
// `file_writers`.
struct SavedState {
  std::vector<model::Session> sessions;
  std::vector<std::pair<model::ProcessKey, model::SessionId>> members;
  std::vector<model::HopEnd> open_hops;
  std::vector<FileWriter> file_writers;  // of all boots
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_STATE_STORE_H_
