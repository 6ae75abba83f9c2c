#include "agent/kernel/sensor.h"

#include <utility>

#include "agent/kernel/program_set.h"
#include "agent/kernel/reader.h"
#include "agent/kernel/snapshot/snapshot.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {

class Sensor::Impl {
 public:
  Impl(std::unique_ptr<ProgramSet> programs, Reader reader)
      : programs_(std::move(programs)), reader_(std::move(reader)) {}

  std::unique_ptr<ProgramSet> programs_;
  Reader reader_;
};

Sensor::Sensor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sensor::~Sensor() { impl_->programs_->Detach(); }

absl::StatusOr<std::unique_ptr<Sensor>> Sensor::Open(const SensorOptions& options) {
  HT_ASSIGN_OR_RETURN(std::unique_ptr<ProgramSet> programs, ProgramSet::Open(options));
  HT_ASSIGN_OR_RETURN(Reader reader, Reader::Create(programs->handles()));
  return std::unique_ptr<Sensor>(
      new Sensor(std::make_unique<Impl>(std::move(programs), std::move(reader))));
}

std::vector<model::SourceCoverage> Sensor::Coverage() const { return impl_->programs_->Coverage(); }

size_t Sensor::AttachNewUprobes() { return impl_->programs_->AttachNewUprobes(); }

void Sensor::ProtectProcesses(const std::vector<uint32_t>& tgids) {
  impl_->programs_->ProtectProcesses(tgids);
}

absl::Status Sensor::Snapshot(Receiver receiver) {
  return TakeSnapshot([this](Walk walk) { return impl_->programs_->OpenIterator(walk); }, receiver);
}

absl::StatusOr<size_t> Sensor::Poll(absl::Duration timeout, Receiver receiver) {
  return impl_->reader_.Poll(timeout, receiver);
}

std::vector<LossCount> Sensor::ReadLosses() {
  impl_->programs_->CountRecursionMisses();
  return impl_->reader_.ReadLosses();
}

}  // namespace hoptrail::agent::kernel
