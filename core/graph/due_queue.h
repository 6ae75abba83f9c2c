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

// What is to be looked at again, and when: grace periods and ageing. An item may be queued more
// than once; whoever takes it out checks whether it is still due. Not thread-safe.
template <typename Item>
class DueQueue {
 public:
  void Add(int64_t due_ns, Item item) { queue_.emplace(due_ns, std::move(item)); }

  // The next item whose time has come.
  std::optional<Item> TakeDue(int64_t now_ns) {
    if (queue_.empty() || queue_.top().first > now_ns) return std::nullopt;
    return TakeFirst();
  }

  // The next item, due or not: for when there is no room.
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
