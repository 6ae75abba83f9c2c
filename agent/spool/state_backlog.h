#ifndef HOPTRAIL_AGENT_SPOOL_STATE_BACKLOG_H_
#define HOPTRAIL_AGENT_SPOOL_STATE_BACKLOG_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "agent/spool/change.h"

namespace hoptrail::agent::spool {

// Changes of the saved state, and acknowledgements, that the disk has not accepted: the last one of
// each key. Bounded: past the bound the whole saved state is given up, and the file's is emptied
// when it can be written again; the next run then knows only what its snapshot shows. Not
// thread-safe.
class StateBacklog {
 public:
  explicit StateBacklog(size_t max_keys) : max_keys_(max_keys) {}

  // Any change but a fact.
  void Put(Change change);
  // The file's saved state is void: it is emptied first.
  void ForgetFile() { forget_file_ = true; }

  bool empty() const { return changes_.empty() && !forget_file_; }
  // All of it, for one transaction.
  std::vector<Change> Changes() const;
  void Clear();

 private:
  const size_t max_keys_;
  bool forget_file_ = false;
  std::map<std::string, Change> changes_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_STATE_BACKLOG_H_
