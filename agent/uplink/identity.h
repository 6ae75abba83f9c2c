#ifndef HOPTRAIL_AGENT_UPLINK_IDENTITY_H_
#define HOPTRAIL_AGENT_UPLINK_IDENTITY_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "agent/spool/spool.h"
#include "core/base/mutex.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::agent::uplink {

// The incarnation by which the collector distinguishes this agent from others that hold the same
// identity (docs/decisions/0017): keeps the latest that is durable, for the next Hello, and the
// answer that the collector waits for. Thread-safe.
class Identity {
 public:
  // `host`: the present one. `spool` outlives this.
  Identity(const model::HostId& host, spool::Spool* spool);

  // The latest durable incarnation of the present host; empty where there is none.
  model::Incarnation durable() const;

  // A stream begins: no answer is due.
  void OnStreamStart();
  // The collector gave a stream of `host` this incarnation: makes it durable, if the disk accepts
  // it, and has the latest durable one answered.
  void OnIncarnation(const model::HostId& host, const model::Incarnation& incarnation);
  // The incarnation to answer with, once; nothing where no answer is due.
  std::optional<model::Incarnation> TakeAnswer();

 private:
  absl::Status Save(const model::Incarnation& incarnation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const model::HostId host_;
  spool::Spool& spool_;
  mutable Mutex mutex_;
  model::Incarnation durable_ ABSL_GUARDED_BY(mutex_);
  std::optional<model::Incarnation> answer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_IDENTITY_H_
