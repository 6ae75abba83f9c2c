#include "agent/spool/spool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent::spool {
namespace {

// How often losses are reported.
constexpr absl::Duration kTick = absl::Seconds(1);

std::shared_ptr<MarkFile> MarksBeside(const std::string& path) {
  return std::make_shared<MarkFile>(path.substr(0, path.rfind('/') + 1) + "marks");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const Options& options) {
  std::unique_ptr<Spool> spool(new Spool(options));
  HT_ASSIGN_OR_RETURN(spool->storage_, Storage::Open({.database = {.path = options.path,
                                                                   .host = options.host,
                                                                   .max_bytes = options.max_bytes,
                                                                   .clock = options.clock},
                                                      .marks = spool->marks_,
                                                      .degradations = options.degradations,
                                                      .memory_records = options.memory_records},
                                                     &spool->losses_));
  spool->thread_ = std::thread([raw = spool.get()] { raw->Run(); });
  return spool;
}

Spool::Spool(const Options& options)
    : options_(options),
      marks_(options.marks != nullptr ? options.marks : MarksBeside(options.path)),
      losses_(options.host, [this] { queue_.Wake(); }),
      queue_(options.queue_capacity) {}

Spool::~Spool() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void Spool::Push(Change change) {
  ++queued_;
  const model::Fact* fact = std::get_if<model::Fact>(&change);
  // The queue's last quarter is for facts that are not of low value.
  const bool refused = fact != nullptr && IsLowValue(*fact) &&
                       queue_.size() >= options_.queue_capacity - options_.queue_capacity / 4;
  if (!refused && queue_.TryPush(std::move(change))) return;
  ++settled_;
  // TryPush left it untouched.
  losses_.Add("queue", fact != nullptr ? KindOf(*fact) : "state", 1, options_.clock->WallNs());
}

void Spool::Add(model::Fact fact) { Push(std::move(fact)); }
void Spool::SaveSession(const model::Session& session) { Push(spool::SaveSession{session}); }
void Spool::RemoveSession(const model::SessionId& session) { Push(spool::RemoveSession{session}); }
void Spool::SaveMember(const model::ProcessKey& process, const model::SessionId& session) {
  Push(spool::SaveMember{process, session});
}
void Spool::RemoveMember(const model::ProcessKey& process) { Push(spool::RemoveMember{process}); }
void Spool::SaveHop(const model::HopEnd& hop) { Push(spool::SaveHop{hop}); }
void Spool::RemoveHop(model::HopSide side, const model::HopKey& key) {
  Push(spool::RemoveHop{side, key});
}
void Spool::SaveFileWriter(const session::FileWriter& writer) {
  Push(spool::SaveFileWriter{writer});
}
void Spool::RemoveFileWriter(const std::string& path, const model::SessionId& session) {
  Push(spool::RemoveFileWriter{path, session});
}
void Spool::Acknowledge(const model::HostId& host, uint64_t sequence) {
  // If the queue is full, the next acknowledgement covers this one.
  Change change = Acknowledged{host, sequence};
  ++queued_;
  if (!queue_.TryPush(std::move(change))) ++settled_;
}

bool Spool::Flush(absl::Duration timeout) {
  const uint64_t queued = queued_;
  const SteadyTime until = SteadyTime::Now() + timeout;
  for (uint64_t mark = 0; settled_ < queued && SteadyTime::Now() < until;) {
    mark = WaitForChange(mark, until - SteadyTime::Now());
  }
  return settled_ >= queued;
}

bool Spool::OnWelcome(uint64_t acknowledged, absl::Duration timeout) {
  return RunOnThread([acknowledged](Storage& storage) { storage.OnWelcome(acknowledged); },
                     timeout);
}

bool Spool::GiveUp(const model::HostId& host, uint64_t acknowledged, absl::Duration timeout) {
  return RunOnThread([=](Storage& storage) { storage.GiveUp(host, acknowledged); }, timeout);
}

bool Spool::Assume(const model::HostId& assumed, uint64_t acknowledged, absl::Duration timeout) {
  return RunOnThread([=](Storage& storage) { storage.Assume(assumed, acknowledged); }, timeout);
}

bool Spool::RunOnThread(std::function<void(Storage&)> call, absl::Duration timeout) {
  {
    MutexLock lock(&mutex_);
    call_ = std::move(call);
  }
  queue_.Wake();
  MutexLock lock(&mutex_);
  const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_ == nullptr; };
  if (mutex_.AwaitWithTimeout(absl::Condition(&done), timeout)) return true;
  call_ = nullptr;
  return false;
}

void Spool::RunPendingCall() {
  std::function<void(Storage&)> call;
  {
    MutexLock lock(&mutex_);
    call = call_;
  }
  if (call == nullptr) return;
  call(*storage_);
  MutexLock lock(&mutex_);
  call_ = nullptr;
  ++mark_;
}

void Spool::ReportDamage(uint64_t generation) {
  damaged_ = generation;
  queue_.Wake();
}

void Spool::ReportUnreadable(uint64_t generation) {
  unreadable_ = generation;
  queue_.Wake();
}

void Spool::HandleReaderReports() {
  if (const uint64_t generation = damaged_.exchange(0); generation != 0) {
    storage_->OnDamaged(generation);
    Wake();
  }
  if (const uint64_t generation = unreadable_.exchange(0); generation != 0) {
    storage_->OnUnreadable(generation);
    Wake();
  }
}

uint64_t Spool::WaitForChange(uint64_t seen, absl::Duration timeout) {
  MutexLock lock(&mutex_);
  const auto changed = [this, seen]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return mark_ != seen; };
  mutex_.AwaitWithTimeout(absl::Condition(&changed), timeout);
  return mark_;
}

void Spool::Wake() {
  MutexLock lock(&mutex_);
  ++mark_;
}

void Spool::TakeLosses(std::vector<Change>* changes) {
  for (model::Loss& loss : losses_.Take(options_.clock->WallNs())) {
    changes->push_back(model::Fact(std::move(loss)));
  }
}

void Spool::Run() {
  pthread_setname_np(pthread_self(), "spool");
  std::vector<Change> changes;
  SteadyTime losses_reported = SteadyTime::InfinitePast();
  for (bool open = true; open;) {
    const absl::Duration until_losses =
        losses_.empty() ? absl::InfiniteDuration() : losses_reported + kTick - SteadyTime::Now();
    open = queue_.PopAll(std::min(until_losses, storage_->UntilCatchUp()), &changes);
    const size_t taken = changes.size();
    HandleReaderReports();
    RunPendingCall();
    if (SteadyTime::Now() - losses_reported >= kTick || !open) {
      losses_reported = SteadyTime::Now();
      // While memory is nearly full, losses add up in the ledger instead of becoming records.
      if (!storage_->memory().nearly_full()) TakeLosses(&changes);
    }
    if (changes.empty()) {
      storage_->CatchUp(/*at_once=*/false);
      continue;
    }
    storage_->Keep(&changes);
    settled_ += taken;
    Wake();
  }
  storage_->CatchUp(/*at_once=*/true);
}

}  // namespace hoptrail::agent::spool
