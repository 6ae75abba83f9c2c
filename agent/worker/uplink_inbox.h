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
#include "core/model/net.h"

namespace hoptrail::agent {

// Messages from the uplink's threads to the thread that handles events. Thread-safe.
class UplinkInbox {
 public:
  static constexpr size_t kMaxProvenance = 4096;
  static constexpr size_t kMaxEndRequests = 256;

  // `notify` wakes the thread that handles events; called after each message, on the sender's
  // thread.
  explicit UplinkInbox(std::function<void()> notify) : notify_(std::move(notify)) {}

  // False where too much of it waits: the caller counts the loss.
  bool PutProvenance(model::Provenance provenance);
  // The collector wants this host's end of the connection. Dropped where too many wait: it is worth
  // less than what must not wait behind it.
  void PutEndRequest(const model::HopKey& key);
  // The collector has lost the state that was reported to it.
  void PutStateLost();
  // The collector wants the agent to continue as this host.
  void PutAssumedHost(const model::HostId& host);

  std::vector<model::Provenance> TakeProvenance();
  std::vector<model::HopKey> TakeEndRequests();
  bool TakeStateLost();
  std::optional<model::HostId> TakeAssumedHost();

 private:
  const std::function<void()> notify_;
  BoundedQueue<model::Provenance> provenance_{kMaxProvenance};
  BoundedQueue<model::HopKey> end_requests_{kMaxEndRequests};
  Mutex mutex_;
  bool state_lost_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<model::HostId> assumed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_UPLINK_INBOX_H_
