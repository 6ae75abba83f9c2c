#include "agent/uplink/identity.h"

#include <utility>

namespace hoptrail::agent::uplink {

Identity::Identity(const model::HostId& host, spool::Spool* spool) : host_(host), spool_(*spool) {
  const spool::Marks marks = spool_.marks().Get();
  if (marks.host == host_) durable_ = marks.incarnation;
}

model::Incarnation Identity::durable() const {
  MutexLock lock(&mutex_);
  return durable_;
}

void Identity::OnStreamStart() {
  MutexLock lock(&mutex_);
  answer_.reset();
}

void Identity::OnIncarnation(const model::HostId& host, const model::Incarnation& incarnation) {
  {
    MutexLock lock(&mutex_);
    answer_ = model::Incarnation();  // an earlier boot's are not kept
    if (host == host_) {
      // A later question may overtake the stream's Welcome: the counter only grows.
      if (incarnation.counter > durable_.counter && Save(incarnation).ok()) durable_ = incarnation;
      answer_ = durable_;
    }
  }
  spool_.Wake();
}

std::optional<model::Incarnation> Identity::TakeAnswer() {
  MutexLock lock(&mutex_);
  return std::exchange(answer_, std::nullopt);
}

absl::Status Identity::Save(const model::Incarnation& incarnation) {
  const auto write = [this](const model::Incarnation& value) {
    return spool_.marks().Update([&](spool::Marks& marks) {
      if (marks.host == host_) marks.incarnation = value;
    });
  };
  const absl::Status status = write(incarnation);
  // The next run must not find an incarnation that was not confirmed.
  if (!status.ok()) write(durable_).IgnoreError();
  return status;
}

}  // namespace hoptrail::agent::uplink
