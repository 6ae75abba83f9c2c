#ifndef HOPTRAIL_AGENT_WORKER_UPLINK_INBOX_H_
#define HOPTRAIL_AGENT_WORKER_UPLINK_INBOX_H_

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "core/base/bounded_queue.h"
#include "core/base/mutex.h"
#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// Messages from the uplink's threads to the thread that handles events. Thread-safe.
class UplinkInbox {
 public:
  static constexpr size_t kMaxProvenance = 4096;

  // `notify` wakes the thread that handles events; called after each message, on the sender's
  // thread.
  explicit UplinkInbox(std::function<void()> notify) : notify_(std::move(notify)) {}

  // False where too much of it waits: the caller counts the loss.
  bool PutProvenance(model::Provenance provenance);
  // The collector has lost the state that was reported to it.
  void PutStateLost();
  // The collector wants the agent to continue as this host.
  void PutAssumedHost(const model::HostId& host);

  std::vector<model::Provenance> TakeProvenance();
  bool TakeStateLost();
  std::optional<model::HostId> TakeAssumedHost();

 private:
  const std::function<void()> notify_;
  BoundedQueue<model::Provenance> provenance_{kMaxProvenance};
  Mutex mutex_;
  bool state_lost_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<model::HostId> assumed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_UPLINK_INBOX_H_
