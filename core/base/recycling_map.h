#ifndef HOPTRAIL_CORE_BASE_RECYCLING_MAP_H_
#define HOPTRAIL_CORE_BASE_RECYCLING_MAP_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace hoptrail {

// A hash map whose values keep their address, and that reuses the memory of erased values: while no
// more are added than erased, it allocates no value. Not thread-safe.
template <typename Key, typename Value>
class RecyclingMap {
 public:
  // Null where there is none. Valid until the value is erased.
  Value* Find(const Key& key) {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second.get();
  }

  const Value* Find(const Key& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second.get();
  }

  // A new one is Value().
  Value& operator[](const Key& key) {
    std::unique_ptr<Value>& value = values_[key];
    if (value != nullptr) return *value;
    if (spare_.empty()) {
      value = std::make_unique<Value>();
    } else {
      value = std::move(spare_.back());
      spare_.pop_back();
    }
    return *value;
  }

  void Erase(const Key& key) {
    if (std::unique_ptr<Value> value = Release(key); value != nullptr) Recycle(std::move(value));
  }

  // Erases the value and passes it on; it keeps its address. Null where there is none.
  std::unique_ptr<Value> Release(const Key& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return nullptr;
    std::unique_ptr<Value> value = std::move(found->second);
    values_.erase(found);
    return value;
  }
  // Takes the memory of a value that was released.
  void Recycle(std::unique_ptr<Value> value) {
    if (spare_.size() >= kMostSpare) return;
    *value = Value();  // frees what the value owns
    spare_.push_back(std::move(value));
  }

  size_t size() const { return values_.size(); }

  // visitor(const Key&, Value&); must not insert or erase.
  template <typename Visitor>
  void ForEach(Visitor visitor) {
    for (auto& [key, value] : values_) visitor(key, *value);
  }
  template <typename Visitor>
  void ForEach(Visitor visitor) const {
    for (const auto& [key, value] : values_) visitor(key, std::as_const(*value));
  }

 private:
  static constexpr size_t kMostSpare = 1024;

  absl::flat_hash_map<Key, std::unique_ptr<Value>> values_;
  std::vector<std::unique_ptr<Value>> spare_;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_RECYCLING_MAP_H_
