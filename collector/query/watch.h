#ifndef HOPTRAIL_COLLECTOR_QUERY_WATCH_H_
#define HOPTRAIL_COLLECTOR_QUERY_WATCH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"

#include "collector/api/message_reader.h"
#include "collector/query/page_token.h"
#include "collector/query/unary.h"
#include "core/base/mutex.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::query {

// Reads the store again whenever it has changed.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void Wake() = 0;
  virtual void Stop() = 0;
};

// Wakes every watcher when the store has changed, or can no longer be written; a thread of its own
// waits for that. Waking only queues a read, so that no watcher delays another one or the ingest.
// Thread-safe.
class WatchHub {
 public:
  explicit WatchHub(store::ReadableStore* store);
  ~WatchHub() { Stop(); }

  void Add(std::shared_ptr<Watcher> watcher);
  void Remove(const std::shared_ptr<Watcher>& watcher);
  // Ends all watches.
  void Stop();

 private:
  void Run();
  std::vector<std::shared_ptr<Watcher>> All();

  store::ReadableStore* const store_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// One client's watch: reads a page of changes, writes it, reads the next, and waits when there is
// none. Changes that a slow client has not read yet stay in the store and nowhere else.
template <typename Response>
class WatchStream final : public grpc::ServerWriteReactor<Response>,
                          public Watcher,
                          public std::enable_shared_from_this<WatchStream<Response>> {
 public:
  // Answers with their revisions, all above `after`.
  using Page = std::vector<std::pair<int64_t, Response>>;
  using ReadPage = std::function<absl::StatusOr<Page>(api::MessageReader*, int64_t after)>;

  static constexpr int kPageSize = 100;

  static WatchStream* Begin(const Backend* backend, WatchHub* hub, std::string resume_token,
                            ReadPage read) {
    std::shared_ptr<WatchStream> stream(
        new WatchStream(backend, hub, std::move(resume_token), std::move(read)));
    stream->self_ = stream;
    hub->Add(stream);
    stream->Wake();
    return stream.get();
  }
  // A stream that ends at once.
  static WatchStream* Refuse(const absl::Status& status) {
    std::shared_ptr<WatchStream> stream(new WatchStream(nullptr, nullptr, "", nullptr));
    stream->self_ = stream;
    stream->End(status);
    return stream.get();
  }

  void Wake() override {
    MutexLock lock(&mutex_);
    again_ = true;
    if (!busy_) Next();
  }
  void Stop() override { End(absl::UnavailableError("the collector stops")); }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok && !ending_) ending_ = absl::CancelledError("the client went away");
    Next();
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void OnDone() override {
    {
      MutexLock lock(&mutex_);
      finished_ = true;
    }
    if (hub_ != nullptr) hub_->Remove(this->shared_from_this());
    std::shared_ptr<WatchStream> self = std::move(self_);
  }

 private:
  WatchStream(const Backend* backend, WatchHub* hub, std::string resume_token, ReadPage read)
      : backend_(backend),
        hub_(hub),
        resume_token_(std::move(resume_token)),
        read_(std::move(read)) {}

  void End(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (ending_ || finished_) return;
    ending_ = status;
    if (!busy_) Next();  // otherwise the read or write under way calls it
  }

  // On a worker's thread. `busy_` is set, so that nothing else reads or writes.
  void Fill() {
    absl::StatusOr<Page> page;
    {
      api::MessageReader reader(backend_->store->BorrowReader());
      page = FillFrom(&reader);
    }
    MutexLock lock(&mutex_);
    if (!page.ok()) {
      if (!ending_) ending_ = page.status();
    } else {
      page_ = *std::move(page);
      position_ = 0;
      again_ = again_ || static_cast<int>(page_.size()) == kPageSize;
    }
    if (!metadata_sent_ && page.ok() && !ending_) {
      metadata_sent_ = true;
      // From it the client knows that it misses nothing from now on.
      this->StartSendInitialMetadata();
    }
    Next();
  }

  absl::StatusOr<Page> FillFrom(api::MessageReader* reader) {
    // A watch without answers would look like a quiet fleet.
    if (const auto trouble = backend_->store->trouble()) {
      return absl::UnavailableError(trouble->detail);
    }
    if (epoch_.empty()) {
      HT_ASSIGN_OR_RETURN(epoch_, reader->Epoch());
      HT_ASSIGN_OR_RETURN(int64_t present, reader->Revision());
      after_ = present;
      if (!resume_token_.empty()) {
        HT_ASSIGN_OR_RETURN(after_, ParseResumeToken(epoch_, present, resume_token_));
      }
    }
    HT_ASSIGN_OR_RETURN(Page page, read_(reader, after_));
    if (!page.empty()) after_ = page.back().first;
    for (auto& [revision, response] : page) {
      response.set_resume_token(MakeResumeToken(epoch_, revision));
    }
    return page;
  }

  // Writes the next answer, reads the next page, waits, or ends the stream.
  void Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (ending_) {
      finished_ = true;
      this->Finish(rpc::ToGrpc(*ending_));
      return;
    }
    if (position_ < page_.size()) {
      writing_ = true;
      this->StartWrite(&page_[position_++].second);
      return;
    }
    if (again_) {
      again_ = false;
      busy_ = true;
      auto self = this->shared_from_this();
      if (!backend_->workers->TryRun([self] { self->Fill(); })) {
        finished_ = true;
        this->Finish(
            grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many queries; resume later"));
      }
      return;
    }
    busy_ = false;
  }

  const Backend* const backend_;
  WatchHub* const hub_;
  const std::string resume_token_;
  const ReadPage read_;
  std::shared_ptr<WatchStream> self_;

  // Used only by Fill().
  std::string epoch_;
  int64_t after_ = 0;

  Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;   // a read is queued, or its page is written
  bool again_ ABSL_GUARDED_BY(mutex_) = false;  // there may be more to read
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool metadata_sent_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  Page page_ ABSL_GUARDED_BY(mutex_);
  size_t position_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_WATCH_H_
