#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_POOL_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_POOL_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "collector/store/reader.h"
#include "core/base/mutex.h"

namespace hoptrail::collector::store {

// A few readers, each lent to one thread at a time. Thread-safe; outlives the readers' leases.
class ReaderPool {
 public:
  static absl::StatusOr<std::unique_ptr<ReaderPool>> Open(const std::string& path, size_t size);

  // Waits for a free one.
  ReaderLease Borrow();

 private:
  explicit ReaderPool(std::vector<std::unique_ptr<Reader>> readers);
  bool HasFree() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !free_.empty(); }

  Mutex mutex_;
  std::vector<std::unique_ptr<Reader>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_POOL_H_
