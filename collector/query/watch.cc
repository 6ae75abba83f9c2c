#include "collector/query/watch.h"

namespace hoptrail::collector::query {

WatchHub::WatchHub(store::ChangeSignal* changes) : changes_(changes), thread_([this] { Run(); }) {}

void WatchHub::Add(std::shared_ptr<Watcher> watcher) {
  bool stopped;
  {
    MutexLock lock(&mutex_);
    stopped = stopped_;
    if (!stopped) watchers_.insert(watcher);
  }
  if (stopped) watcher->Stop();
}

void WatchHub::Remove(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(&mutex_);
  watchers_.erase(watcher);
}

std::vector<std::shared_ptr<Watcher>> WatchHub::All() {
  MutexLock lock(&mutex_);
  return {watchers_.begin(), watchers_.end()};
}

void WatchHub::Run() {
  int64_t seen = changes_->revision();
  while (true) {
    const int64_t revision = changes_->WaitAbove(seen, absl::Seconds(1));
    {
      MutexLock lock(&mutex_);
      if (stopped_) return;
    }
    if (revision == seen) continue;
    seen = revision;
    for (const std::shared_ptr<Watcher>& watcher : All()) watcher->Wake();
  }
}

void WatchHub::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (thread_.joinable()) thread_.join();
  for (const std::shared_ptr<Watcher>& watcher : All()) watcher->Stop();
}

}  // namespace hoptrail::collector::query
