#include "collector/notify/pagerduty/delivery_schedule.h"

#include <algorithm>

namespace hoptrail::collector::notify {

using store::Outbox;

bool DeliverySchedule::Begin(int64_t now_ns) {
  newest_only_ = now_ns < service_due_ns_;
  if (newest_only_ && now_ns < newest_due_ns_) return false;
  ++scan_;
  skipped_ = false;
  return true;
}

bool DeliverySchedule::Due(const Outbox::Item& item, int64_t now_ns) {
  const bool known = rows_.contains(item.id);
  const bool newest = item.id > newest_after_id_;
  if (!known && !item.held) return newest || !newest_only_;
  Row& row = RowOf(item);
  row.scan = scan_;
  if (item.held) {
    if (row.held_since_ns == 0) row.held_since_ns = now_ns;
    if (now_ns - row.held_since_ns < absl::ToInt64Nanoseconds(options_.held_at_most)) return false;
  }
  if (row.version != item.version) {  // its incident has changed
    row.version = item.version;
    row.due_ns = 0;
  }
  if (newest_only_ && !newest) return false;
  if (row.refusals > 0 && now_ns < std::max(row.due_ns, refused_due_ns_)) return false;
  if (service_failures_ > 0 && row.round == round_) {
    skipped_ = true;
    return false;
  }
  return true;
}

bool DeliverySchedule::End() {
  absl::erase_if(rows_, [this](const auto& row) { return row.second.scan != scan_; });
  if (!skipped_ || newest_only_) return false;
  ++round_;
  return true;
}

bool DeliverySchedule::Reduced(const Outbox::Item& item) const {
  auto it = rows_.find(item.id);
  return it != rows_.end() && it->second.refusals >= options_.whole_tries;
}

void DeliverySchedule::Accepted(const Outbox::Item& item) {
  rows_.erase(item.id);
  ++accepted_;
  service_failures_ = 0;
  service_due_ns_ = 0;
}

DeliverySchedule::Wait DeliverySchedule::Refused(const Outbox::Item& item, int64_t now_ns) {
  Row& row = RowOf(item);
  const absl::Duration wait = BackOff(row.refusals++);
  row.due_ns = now_ns + absl::ToInt64Nanoseconds(wait);
  refused_due_ns_ = now_ns + absl::ToInt64Nanoseconds(options_.first_wait);
  return {wait, false};
}

DeliverySchedule::Wait DeliverySchedule::Failed(const Outbox::Item& item, int64_t now_ns,
                                                absl::Duration asked, int64_t last_id) {
  Row& row = RowOf(item);
  if (row.failed_at != 0 && accepted_ > row.failed_at) return Refused(item, now_ns);
  row.failed_at = accepted_;
  row.round = round_;
  absl::Duration wait = BackOff(service_failures_++);
  if (asked > absl::ZeroDuration()) {
    wait = std::clamp(asked, options_.first_wait, options_.longest_wait);
  }
  service_due_ns_ = now_ns + absl::ToInt64Nanoseconds(wait);
  newest_due_ns_ = asked > absl::ZeroDuration()
                       ? service_due_ns_
                       : now_ns + absl::ToInt64Nanoseconds(options_.newest_wait);
  newest_after_id_ = last_id;
  return {wait, true};
}

DeliverySchedule::Row& DeliverySchedule::RowOf(const Outbox::Item& item) {
  auto [it, added] = rows_.try_emplace(item.id);
  if (added) {
    it->second.version = item.version;
    it->second.scan = scan_;
  }
  return it->second;
}

absl::Duration DeliverySchedule::BackOff(int failures) {
  absl::Duration wait = options_.first_wait;
  for (int i = 0; i < failures && wait < options_.longest_wait; ++i) wait *= 2;
  wait = std::min(wait, options_.longest_wait);
  // Between half of it and all of it, so that many collectors do not return at the same time.
  return wait * absl::Uniform(random_, 0.5, 1.0);
}

}  // namespace hoptrail::collector::notify
