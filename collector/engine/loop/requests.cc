// The part of EngineLoop that other threads ask and wait for.

#include <future>
#include <utility>
#include <variant>
#include <vector>

#include "collector/engine/loop/engine_loop.h"
#include "core/base/steady_time.h"

namespace hoptrail::collector::engine {
namespace {

constexpr absl::Duration kAnswerWithin = absl::Seconds(10);

}  // namespace

template <typename Result, typename MakeRequest>
Result EngineLoop::Ask(MakeRequest make_request) {
  // Shared with the engine's thread, which may answer after nobody waits any more.
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
Result EngineLoop::Change(MakeRequest make_request) {
  if (const auto trouble = store_->trouble()) return absl::UnavailableError(trouble->detail);
  return Ask<Result>(std::move(make_request));
}

absl::StatusOr<model::Incident> EngineLoop::SetIncidentState(const model::IncidentId& incident,
                                                             model::IncidentState state,
                                                             const std::string& who) {
  return Change<absl::StatusOr<model::Incident>>([&](auto done) {
    return SetIncidentStateRequest{incident, state, who, std::move(done)};
  });
}

absl::StatusOr<Path> EngineLoop::PathOf(const model::SessionId& session) {
  return Ask<absl::StatusOr<Path>>([&](auto done) {
    return PathRequest{session, std::move(done)};
  });
}

absl::Status EngineLoop::RemoveHost(const model::HostId& host, const std::string& who) {
  return Change<absl::Status>([&](auto done) {
    return RemoveHostRequest{host, who, std::move(done)};
  });
}

void EngineLoop::AnswerWhileUnwritable(absl::Duration longest) {
  const SteadyTime end = SteadyTime::Now() + longest;
  for (absl::Duration left = longest; left > absl::ZeroDuration() && !stopping_;
       left = end - SteadyTime::Now()) {
    std::vector<Request> requests;
    if (!requests_.PopAll(left, &requests)) return;
    for (Request& request : requests) {
      if (const auto* path = std::get_if<PathRequest>(&request)) {
        path->done(engine_->PathOf(path->session));
      } else {
        put_off_.push_back(std::move(request));
      }
    }
  }
}

}  // namespace hoptrail::collector::engine
