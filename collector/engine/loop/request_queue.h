#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_QUEUE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_QUEUE_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "collector/bus/fact_bus.h"
#include "collector/engine/loop/request.h"
#include "collector/store/store.h"
#include "core/base/bounded_queue.h"

namespace hoptrail::collector::engine {

// Carries requests of other threads to the engine's thread. Bounded. Owned by EngineLoop.
class RequestQueue {
 public:
  // Neither is owned; both outlive the queue.
  RequestQueue(const store::Store* store, bus::FactBus* bus);

  // Thread-safe, for other threads than the engine's.
  //
  // False: too many requests wait, or the queue is closed.
  bool TryPush(Request request);
  // These wait for the answer. UNAVAILABLE if the engine's thread does not answer in time, or if
  // the request would write while the store takes nothing.
  absl::StatusOr<model::Incident> SetIncidentState(const model::IncidentId& incident,
                                                   model::IncidentState state,
                                                   const std::string& who);
  absl::StatusOr<Path> PathOf(const model::SessionId& session);
  absl::Status RemoveHost(const model::HostId& host, const std::string& who);
  // Refuses further requests; TakeAll still returns the accepted ones.
  void Close() { queue_.Close(); }

  // The engine's thread.
  //
  // All requests that wait.
  std::vector<Request> TakeAll();
  // Answers requests for paths during `time`, while the store takes nothing. Other requests wait
  // for the next TakeAll. Returns early when the queue is closed.
  void AnswerPathsFor(absl::Duration time,
                      absl::FunctionRef<Path(const model::SessionId&)> path_of);

 private:
  template <typename Result, typename MakeRequest>
  Result Ask(MakeRequest make_request);
  // For requests that write: refuses them while the store takes nothing.
  template <typename Result, typename MakeRequest>
  Result AskToWrite(MakeRequest make_request);

  const store::Store* const store_;
  bus::FactBus* const bus_;
  BoundedQueue<Request> queue_;
  std::vector<Request> postponed_;  // the engine's thread only
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_REQUEST_QUEUE_H_
