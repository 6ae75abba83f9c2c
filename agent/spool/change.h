#ifndef HOPTRAIL_AGENT_SPOOL_CHANGE_H_
#define HOPTRAIL_AGENT_SPOOL_CHANGE_H_

// Changes that are queued for the spool's thread, in the order in which they become durable.

#include <cstdint>
#include <string>
#include <variant>

#include "agent/session/state_store.h"
#include "core/model/fact.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::agent::spool {

struct SaveSession {
  model::Session session;
};
struct RemoveSession {
  model::SessionId session;
};
struct SaveMember {
  model::ProcessKey process;
  model::SessionId session;
};
struct RemoveMember {
  model::ProcessKey process;
};
struct SaveHop {
  model::HopEnd hop;
};
struct RemoveHop {
  model::HopSide side;
  model::HopKey hop_key;
};
struct SaveFileWriter {
  session::FileWriter writer;
};
struct RemoveFileWriter {
  std::string path;
  model::SessionId session;
};
// The whole saved state is void.
struct ForgetState {};
// The collector has everything of `host` up to and including `sequence`.
struct Acknowledged {
  model::HostId host;
  uint64_t sequence = 0;
};

using Change =
    std::variant<model::Fact, SaveSession, RemoveSession, SaveMember, RemoveMember, SaveHop,
                 RemoveHop, SaveFileWriter, RemoveFileWriter, ForgetState, Acknowledged>;

// Whether the fact goes first when space is short: facts that are reported again, or only count.
bool IsLowValue(const model::Fact& fact);

// "session", "edge": the record's kind, for Loss.type.
std::string KindOf(const model::Fact& fact);

// A record in the form in which it waits, on disk or in memory.
struct StoredRecord {
  uint64_t sequence = 0;
  bool low_value = false;
  std::string kind;
  std::string body;  // serialized v1::Record
};
StoredRecord Store(const model::Fact& fact, uint64_t sequence);

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_CHANGE_H_
