#ifndef HOPTRAIL_COLLECTOR_STORE_READABLE_STORE_H_
#define HOPTRAIL_COLLECTOR_STORE_READABLE_STORE_H_

#include <optional>

#include "collector/store/change_signal.h"
#include "collector/store/reader.h"
#include "core/model/fact.h"

namespace hoptrail::collector::store {

// The part of a Store that answers queries, and cannot change anything. Thread-safe; outlives the
// readers that it lends.
class ReadableStore {
 public:
  virtual ~ReadableStore() = default;

  // Waits for a free one.
  virtual ReaderLease BorrowReader() = 0;
  // Why nothing can be written at present, and since when: the engine's last write has failed.
  // Readers then see what was stored before.
  virtual std::optional<model::Degradation> trouble() const = 0;
  // Wakes watchers when the revision grows.
  ChangeSignal* changes() { return &changes_; }

 protected:
  ReadableStore() = default;

 private:
  ChangeSignal changes_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_READABLE_STORE_H_
