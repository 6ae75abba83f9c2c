#ifndef HOPTRAIL_CORE_GRAPH_DUE_QUEUE_H_
#define HOPTRAIL_CORE_GRAPH_DUE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace hoptrail::graph {

// Items with the time at which they are due, for grace periods and ageing. An item may be queued
// more than once: the caller checks whether an item that it takes is still due. Not thread-safe.
template <typename Item>
class DueQueue {
 public:
  void Add(int64_t due_ns, Item item) { queue_.emplace(due_ns, std::move(item)); }

  // The next item that is due.
  std::optional<Item> TakeDue(int64_t now_ns) {
    if (queue_.empty() || queue_.top().first > now_ns) return std::nullopt;
    return TakeFirst();
  }

  // The next item, due or not, for callers that need room.
  std::optional<Item> TakeFirst() {
    if (queue_.empty()) return std::nullopt;
    Item item = queue_.top().second;
    queue_.pop();
    return item;
  }

  size_t size() const { return queue_.size(); }

 private:
  using Entry = std::pair<int64_t, Item>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_DUE_QUEUE_H_
