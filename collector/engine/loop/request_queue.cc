#include "collector/engine/loop/request_queue.h"

#include <cstddef>
#include <future>
#include <memory>
#include <utility>
#include <variant>

#include "core/base/steady_time.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxRequests = 10'000;
constexpr absl::Duration kAnswerWithin = absl::Seconds(10);

}  // namespace

RequestQueue::RequestQueue(const store::Store* store, bus::FactBus* bus)
    : store_(store), bus_(bus), queue_(kMaxRequests) {}

bool RequestQueue::TryPush(Request request) {
  const bool pushed = queue_.TryPush(std::move(request));
  bus_->Wake();
  return pushed;
}

template <typename Result, typename MakeRequest>
Result RequestQueue::Ask(MakeRequest make_request) {
  // Shared with the engine's thread, which may answer when nobody waits any more.
  auto promise = std::make_shared<std::promise<Result>>();
  auto answer = promise->get_future();
  if (!TryPush(make_request([promise](Result result) { promise->set_value(std::move(result)); }))) {
    return absl::UnavailableError("the collector is busy");
  }
  if (answer.wait_for(absl::ToChronoSeconds(kAnswerWithin)) != std::future_status::ready) {
    const auto trouble = store_->trouble();
    return absl::UnavailableError(trouble ? trouble->detail : "the collector is busy");
  }
  return answer.get();
}

template <typename Result, typename MakeRequest>
Result RequestQueue::AskToWrite(MakeRequest make_request) {
  if (const auto trouble = store_->trouble()) return absl::UnavailableError(trouble->detail);
  return Ask<Result>(std::move(make_request));
}

absl::StatusOr<model::Incident> RequestQueue::SetIncidentState(const model::IncidentId& incident,
                                                               model::IncidentState state,
                                                               const std::string& who) {
  return AskToWrite<absl::StatusOr<model::Incident>>([&](auto done) {
    return SetIncidentStateRequest{incident, state, who, std::move(done)};
  });
}

absl::StatusOr<Path> RequestQueue::PathOf(const model::SessionId& session) {
  return Ask<absl::StatusOr<Path>>([&](auto done) {
    return PathRequest{session, std::move(done)};
  });
}

absl::Status RequestQueue::RemoveHost(const model::HostId& host, const std::string& who) {
  return AskToWrite<absl::Status>([&](auto done) {
    return RemoveHostRequest{host, who, std::move(done)};
  });
}

std::vector<Request> RequestQueue::TakeAll() {
  std::vector<Request> requests = std::exchange(postponed_, {});
  queue_.PopAll(absl::ZeroDuration(), &requests);
  return requests;
}

void RequestQueue::AnswerPathsFor(absl::Duration time,
                                  absl::FunctionRef<Path(const model::SessionId&)> path_of) {
  const SteadyTime end = SteadyTime::Now() + time;
  for (absl::Duration left = time; left > absl::ZeroDuration(); left = end - SteadyTime::Now()) {
    std::vector<Request> requests;
    if (!queue_.PopAll(left, &requests)) return;
    for (Request& request : requests) {
      if (const auto* path = std::get_if<PathRequest>(&request)) {
        path->done(path_of(path->session));
      } else {
        postponed_.push_back(std::move(request));
      }
    }
  }
}

}  // namespace hoptrail::collector::engine
