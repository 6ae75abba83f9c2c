#ifndef HOPTRAIL_CORE_BASE_KEYED_BUDGET_H_
#define HOPTRAIL_CORE_BASE_KEYED_BUDGET_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

#include "core/base/token_bucket.h"

namespace hoptrail {

// One TokenBucket for each key, all with the same limits. Not thread-safe.
template <typename Key>
class KeyedBudget {
 public:
  explicit KeyedBudget(TokenBucket::Limits limits) : limits_(limits) {}

  // See TokenBucket.
  bool Take(const Key& key, int64_t now_ns) { return BucketOf(key, now_ns).Take(now_ns); }
  int64_t Charge(const Key& key, double tokens, int64_t now_ns) {
    return tokens == 0 ? 0 : BucketOf(key, now_ns).Charge(tokens, now_ns);
  }

  // Forgets the keys whose buckets are full again, so that memory is bounded by the keys that were
  // used lately.
  void ForgetFull(int64_t now_ns) {
    absl::erase_if(buckets_, [now_ns](auto& each) { return each.second.full(now_ns); });
  }
  size_t size() const { return buckets_.size(); }

 private:
  TokenBucket& BucketOf(const Key& key, int64_t now_ns) {
    return buckets_.try_emplace(key, limits_, now_ns).first->second;
  }

  const TokenBucket::Limits limits_;
  absl::flat_hash_map<Key, TokenBucket> buckets_;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_KEYED_BUDGET_H_
