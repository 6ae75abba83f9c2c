#include "collector/store/sqlite/reader_pool.h"

#include "collector/store/sqlite/sqlite_reader.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

ReaderPool::ReaderPool(std::vector<std::unique_ptr<Reader>> readers) : free_(std::move(readers)) {}

absl::StatusOr<std::unique_ptr<ReaderPool>> ReaderPool::Open(const std::string& path, size_t size) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (size_t i = 0; i < size; ++i) {
    HT_ASSIGN_OR_RETURN(std::unique_ptr<Reader> reader, SqliteReader::Open(path));
    readers.push_back(std::move(reader));
  }
  return std::unique_ptr<ReaderPool>(new ReaderPool(std::move(readers)));
}

ReaderLease ReaderPool::Borrow() {
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &ReaderPool::HasFree));
  std::unique_ptr<Reader> reader = std::move(free_.back());
  free_.pop_back();
  return ReaderLease(reader.release(), [this](Reader* returned) {
    MutexLock back(&mutex_);
    free_.emplace_back(returned);
  });
}

}  // namespace hoptrail::collector::store
