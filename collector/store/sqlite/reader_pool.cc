#include "collector/store/sqlite/reader_pool.h"

#include "collector/store/sqlite/reader.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {

ReaderPool::Lease::Lease(ReaderPool* pool, std::unique_ptr<Reader> reader)
    : pool_(pool), reader_(std::move(reader)) {}

ReaderPool::Lease::Lease(Lease&&) noexcept = default;

ReaderPool::Lease::~Lease() {
  if (reader_ == nullptr) return;
  MutexLock lock(&pool_->mutex_);
  pool_->free_.push_back(std::move(reader_));
}

ReaderPool::ReaderPool(std::vector<std::unique_ptr<Reader>> readers) : free_(std::move(readers)) {}

ReaderPool::~ReaderPool() = default;

absl::StatusOr<std::unique_ptr<ReaderPool>> ReaderPool::Open(const std::string& path, size_t size) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (size_t i = 0; i < size; ++i) {
    HT_ASSIGN_OR_RETURN(std::unique_ptr<Reader> reader, Reader::Open(path));
    readers.push_back(std::move(reader));
  }
  return std::unique_ptr<ReaderPool>(new ReaderPool(std::move(readers)));
}

ReaderPool::Lease ReaderPool::Borrow() {
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &ReaderPool::HasFree));
  std::unique_ptr<Reader> reader = std::move(free_.back());
  free_.pop_back();
  return Lease(this, std::move(reader));
}

}  // namespace hoptrail::collector::store
