#include "agent/worker/uplink_inbox.h"

#include "absl/time/time.h"

namespace hoptrail::agent {

bool UplinkInbox::PutProvenance(model::Provenance provenance) {
  const bool taken = provenance_.TryPush(std::move(provenance));
  notify_();
  return taken;
}

void UplinkInbox::PutEndRequest(const model::HopKey& key) {
  (void)end_requests_.TryPush(model::HopKey(key));
  notify_();
}

void UplinkInbox::PutStateLost() {
  {
    MutexLock lock(&mutex_);
    state_lost_ = true;
  }
  notify_();
}

void UplinkInbox::PutAssumedHost(const model::HostId& host) {
  {
    MutexLock lock(&mutex_);
    assumed_ = host;
  }
  notify_();
}

std::vector<model::Provenance> UplinkInbox::TakeProvenance() {
  std::vector<model::Provenance> all;
  provenance_.PopAll(absl::ZeroDuration(), &all);
  return all;
}

std::vector<model::HopKey> UplinkInbox::TakeEndRequests() {
  std::vector<model::HopKey> all;
  end_requests_.PopAll(absl::ZeroDuration(), &all);
  return all;
}

bool UplinkInbox::TakeStateLost() {
  MutexLock lock(&mutex_);
  return std::exchange(state_lost_, false);
}

std::optional<model::HostId> UplinkInbox::TakeAssumedHost() {
  MutexLock lock(&mutex_);
  return std::exchange(assumed_, std::nullopt);
}

}  // namespace hoptrail::agent
