// The part of EngineLoop that other threads ask and wait for.

#include <future>
#include <utility>

#include "collector/engine/loop/engine_loop.h"

namespace hoptrail::collector::engine {
namespace {

constexpr absl::Duration kAnswerWithin = absl::Seconds(10);

}  // namespace

template <typename Result, typename MakeRequest>
Result EngineLoop::Ask(MakeRequest make_request) {
  if (const auto trouble = store_->trouble()) return absl::UnavailableError(trouble->detail);
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

absl::StatusOr<model::Incident> EngineLoop::SetIncidentState(const model::IncidentId& incident,
                                                             model::IncidentState state,
                                                             const std::string& who) {
  return Ask<absl::StatusOr<model::Incident>>([&](auto done) {
    return SetIncidentStateRequest{incident, state, who, std::move(done)};
  });
}

absl::StatusOr<Path> EngineLoop::PathOf(const model::SessionId& session) {
  return Ask<absl::StatusOr<Path>>([&](auto done) {
    return PathRequest{session, std::move(done)};
  });
}

absl::Status EngineLoop::RemoveHost(const model::HostId& host, const std::string& who) {
  return Ask<absl::Status>([&](auto done) {
    return RemoveHostRequest{host, who, std::move(done)};
  });
}

}  // namespace hoptrail::collector::engine
