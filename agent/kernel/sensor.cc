#include "agent/kernel/sensor.h"

#include <utility>

#include "bpf/sensor.skel.h"

#include "agent/kernel/loss_counters.h"
#include "agent/kernel/programs.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/snapshot.h"
#include "agent/kernel/witnesses.h"
#include "core/base/status_macros.h"
#include <sys/utsname.h>

namespace hoptrail::agent::kernel {

class Sensor::Impl {
 public:
  Impl(Programs programs, LossCounters losses, RingReader rings)
      : programs_(std::move(programs)),
        witnesses_(programs_.skeleton(), programs_.witness_ways()),
        losses_(std::move(losses)),
        rings_(std::move(rings)) {}

  Programs programs_;
  Witnesses witnesses_;
  LossCounters losses_;
  RingReader rings_;
};

Sensor::Sensor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sensor::~Sensor() = default;

absl::StatusOr<std::unique_ptr<Sensor>> Sensor::Open(const SensorOptions& options) {
  HT_ASSIGN_OR_RETURN(Programs programs, Programs::Load(options));
  const auto& maps = programs.skeleton()->maps;
  HT_ASSIGN_OR_RETURN(LossCounters losses, LossCounters::Map(bpf_map__fd(maps.losses),
                                                             bpf_map__max_entries(maps.losses)));
  HT_ASSIGN_OR_RETURN(RingReader rings,
                      RingReader::Create(bpf_map__fd(maps.ring_high), bpf_map__fd(maps.ring_low)));
  auto impl = std::make_unique<Impl>(std::move(programs), std::move(losses), std::move(rings));
  impl->witnesses_.AttachNew();
  return std::unique_ptr<Sensor>(new Sensor(std::move(impl)));
}

std::string Sensor::KernelRelease() {
  utsname names = {};
  return uname(&names) == 0 ? names.release : "";
}

std::vector<model::FactCoverage> Sensor::Coverage() const {
  std::vector<model::FactCoverage> rows = impl_->programs_.coverage();
  for (model::FactCoverage& row : impl_->witnesses_.Coverage()) rows.push_back(std::move(row));
  return rows;
}

size_t Sensor::AttachNewWitnesses() { return impl_->witnesses_.AttachNew(); }

absl::Status Sensor::Snapshot(Receiver receiver) {
  return TakeSnapshot(impl_->programs_, receiver);
}

absl::StatusOr<size_t> Sensor::Poll(absl::Duration timeout, Receiver receiver) {
  HT_ASSIGN_OR_RETURN(const size_t records, impl_->rings_.Poll(timeout, receiver));
  return records + impl_->losses_.TellNew(receiver);
}

int Sensor::poll_fd() const { return impl_->rings_.epoll_fd(); }

std::vector<LossCount> Sensor::ReadLosses() const { return impl_->losses_.Read(); }

}  // namespace hoptrail::agent::kernel
