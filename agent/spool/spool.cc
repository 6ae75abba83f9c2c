#include "agent/spool/spool.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"
#include "core/sqlite/set_aside.h"

namespace hoptrail::agent::spool {
namespace {

// How often a disk that refused is tried again, and losses are told.
constexpr absl::Duration kTick = absl::Seconds(1);
// Changes kept in memory while the disk refuses.
constexpr size_t kMaxKept = 16384;

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const Options& options) {
  std::string set_aside;
  HT_ASSIGN_OR_RETURN(SpoolDatabase database,
                      SpoolDatabase::Open(options.path, options.host, options.max_bytes,
                                          *options.clock, &set_aside));
  HT_ASSIGN_OR_RETURN(session::SavedState state, database.LoadState());
  std::unique_ptr<Spool> spool(new Spool(options, std::move(database)));
  spool->saved_state_ = std::move(state);
  // How many records the damaged file held cannot be known.
  if (!set_aside.empty()) {
    spool->losses_.Add("spool", "damaged", 1, options.clock->WallNs());
  }
  spool->thread_ = std::thread([raw = spool.get()] { raw->Run(); });
  return spool;
}

Spool::Spool(const Options& options, SpoolDatabase database)
    : options_(options),
      losses_(options.host, [this] { queue_.Wake(); }),
      queue_(options.queue_capacity),
      last_sequence_(database.last_sequence()),
      spooled_(database.spooled()),
      database_(std::move(database)) {}

Spool::~Spool() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void Spool::Push(Change change) {
  ++queued_;
  const model::Fact* fact = std::get_if<model::Fact>(&change);
  // The queue's last quarter is for what matters.
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
void Spool::SaveMember(const model::ProcessName& process, const model::SessionId& session) {
  Push(spool::SaveMember{process, session});
}
void Spool::RemoveMember(const model::ProcessName& process) { Push(spool::RemoveMember{process}); }
void Spool::SaveHop(const model::HopEnd& hop) { Push(spool::SaveHop{hop}); }
void Spool::RemoveHop(model::HopSide side, const model::HopName& name) {
  Push(spool::RemoveHop{side, name});
}
void Spool::Acknowledge(const model::HostId& host, uint64_t sequence) {
  // Should the queue be full, the next acknowledgement covers this one.
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

void Spool::ReportDamage(uint64_t generation) {
  damaged_before_ = generation + 1;
  queue_.Wake();
}

uint64_t Spool::WaitForChange(uint64_t seen, absl::Duration timeout) {
  MutexLock lock(&mutex_);
  const auto changed = [this, seen]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return mark_ != seen; };
  mutex_.AwaitWithTimeout(absl::Condition(&changed), timeout);
  return mark_;
}

void Spool::Poke() {
  MutexLock lock(&mutex_);
  ++mark_;
}

void Spool::Run() {
  pthread_setname_np(pthread_self(), "spool");
  std::vector<Change> changes;
  SteadyTime losses_told = SteadyTime::InfinitePast();
  for (;;) {
    // While the disk refuses, the queue fills behind what is kept, and then counts.
    if (refused_) absl::SleepFor(kTick / 4);
    bool open = true;
    if (changes.size() < kMaxKept) {
      const size_t before = changes.size();
      const absl::Duration until_losses =
          losses_.empty() ? absl::InfiniteDuration() : losses_told + kTick - SteadyTime::Now();
      open = queue_.PopAll(refused_ ? absl::ZeroDuration() : until_losses, &changes);
      taken_ += changes.size() - before;
    }
    if (SteadyTime::Now() - losses_told >= kTick || !open) {
      for (model::Loss& loss : losses_.Take(options_.clock->WallNs())) {
        changes.push_back(model::Fact(std::move(loss)));
      }
      losses_told = SteadyTime::Now();
    }
    if (damaged_before_ > generation_) {
      SetAside(absl::DataLossError("found when it was read"));
      BeginAnew();
    }
    if (!changes.empty()) Commit(&changes);
    if (!open) return;
  }
}

void Spool::Commit(std::vector<Change>* changes) {
  absl::StatusOr<SpoolDatabase::Committed> committed = database_.Apply(*changes);
  if (committed.status().code() == absl::StatusCode::kDataLoss) {
    SetAside(committed.status());
    if (BeginAnew()) committed = database_.Apply(*changes);
  } else if (committed.status().code() == absl::StatusCode::kResourceExhausted) {
    database_.MakeRoom();
  } else if (!database_.valid() && BeginAnew()) {
    committed = database_.Apply(*changes);
  }
  Report(committed.status());
  if (!committed.ok()) {
    KeepForLater(changes);
    return;
  }
  changes->clear();
  settled_ += std::exchange(taken_, 0);
  last_sequence_ = committed->last_sequence;
  spooled_ = committed->spooled;
  for (const auto& [kind, count] : committed->dropped) {
    losses_.Add("spool", kind, count, options_.clock->WallNs());
  }
  Poke();
}

void Spool::KeepForLater(std::vector<Change>* changes) {
  if (changes->size() < kMaxKept / 2) return;
  // Room is short: edges and health go, the rest stays until the queue behind it overflows.
  std::vector<Change> kept;
  for (Change& change : *changes) {
    const model::Fact* fact = std::get_if<model::Fact>(&change);
    if (fact != nullptr && IsLowValue(*fact)) {
      losses_.Add("spool", KindOf(*fact), 1, options_.clock->WallNs());
    } else if (const auto* loss = fact == nullptr ? nullptr : std::get_if<model::Loss>(fact)) {
      losses_.Return(*loss);
    } else {
      kept.push_back(std::move(change));
    }
  }
  *changes = std::move(kept);
}

void Spool::SetAside(const absl::Status& damage) {
  if (!database_.valid()) return;  // done before, but a new one could not be begun
  losses_.Add("spool", "damaged", std::max<uint64_t>(database_.spooled(), 1),
              options_.clock->WallNs());
  // Closed before it is renamed. The uplink's reader goes on with the renamed file until it looks
  // at generation().
  { const SpoolDatabase closing = std::move(database_); }
  const auto aside = sqlite::SetAsideDamaged(options_.path, options_.clock->WallNs());
  LogError("spool", options_.path, " is damaged (", damage.message(), "); ",
           aside.ok() ? "kept as " + *aside : std::string(aside.status().message()),
           ", going on with a new one");
}

bool Spool::BeginAnew() {
  std::string set_aside;
  auto fresh = SpoolDatabase::Open(options_.path, options_.host, options_.max_bytes,
                                   *options_.clock, &set_aside);
  if (!fresh.ok()) {
    LogError("spool", "cannot begin a new one: ", fresh.status().message());
    return false;
  }
  database_ = *std::move(fresh);
  ++generation_;
  return true;
}

void Spool::Report(const absl::Status& status) {
  if (!status.ok() && !refused_) {
    LogError("spool", "cannot write ", options_.path, ", going on in memory: ", status.message());
  } else if (status.ok() && refused_) {
    LogInfo("spool", options_.path, " can be written again");
  }
  refused_ = !status.ok();
  if (options_.degradations == nullptr) return;
  if (refused_) {
    options_.degradations->Add(model::DegradationKind::kStateUnwritable,
                               absl::StrCat(options_.path, ": ", status.message()));
  } else {
    options_.degradations->Clear(model::DegradationKind::kStateUnwritable);
  }
}

}  // namespace hoptrail::agent::spool
