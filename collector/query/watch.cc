#include "collector/query/watch.h"

namespace hoptrail::collector::query {

WatchHub::WatchHub(store::ReadableStore* store) : store_(store), thread_([this] { Run(); }) {}

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
  int64_t seen = store_->changes()->revision();
  bool troubled = false;
  while (true) {
    const int64_t revision = store_->changes()->WaitAbove(seen, absl::Seconds(1));
    {
      MutexLock lock(&mutex_);
      if (stopped_) return;
    }
    const bool trouble = store_->trouble().has_value();
    if (revision == seen && trouble == troubled) continue;
    seen = revision;
    troubled = trouble;
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
