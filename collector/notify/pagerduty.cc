#include "collector/notify/pagerduty.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "collector/store/reader.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::notify {
namespace {

using store::Outbox;

constexpr size_t kRoutingKeyLength = 32;
constexpr int kMaxDetections = 1000;
constexpr absl::Duration kPoll = absl::Seconds(1);

bool IsRoutingKey(absl::string_view key) {
  return key.size() == kRoutingKeyLength &&
         std::all_of(key.begin(), key.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c); });
}

}  // namespace

absl::StatusOr<std::string> ReadRoutingKey(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("routing key file ", path));
  std::string line;
  std::getline(file, line);
  absl::StripAsciiWhitespace(&line);
  if (!IsRoutingKey(line)) {
    return absl::InvalidArgumentError(
        absl::StrCat("routing key file ", path, ": its first line is not 32 letters and digits"));
  }
  return line;
}

absl::StatusOr<std::unique_ptr<PagerDuty>> PagerDuty::Create(store::Store* store,
                                                             store::PathSource path_of,
                                                             const Options& options) {
  HT_RETURN_IF_ERROR(CheckEndpoint(options.endpoint));
  if (!IsRoutingKey(options.routing_key)) {
    return absl::InvalidArgumentError("the routing key is not 32 letters and digits");
  }
  HT_ASSIGN_OR_RETURN(std::unique_ptr<Outbox> outbox, store->OpenOutbox());
  return std::unique_ptr<PagerDuty>(
      new PagerDuty(store, std::move(outbox), std::move(path_of), options));
}

PagerDuty::PagerDuty(store::Store* store, std::unique_ptr<Outbox> outbox, store::PathSource path_of,
                     const Options& options)
    : store_(store), outbox_(std::move(outbox)), path_of_(std::move(path_of)), options_(options) {}

PagerDuty::~PagerDuty() { Stop(); }

void PagerDuty::Start() {
  thread_ = std::thread([this] { Run(); });
}

void PagerDuty::Stop() {
  stopping_ = true;
  http_.Abort();
  if (thread_.joinable()) thread_.join();
}

void PagerDuty::Run() {
  while (!stopping_) {
    // Taken before looking, so that a change in between wakes the next wait at once.
    const int64_t seen = store_->outbox_changes()->revision();
    absl::StatusOr<bool> sent = SendOne();
    if (!sent.ok()) LogError("pagerduty", sent.status().ToString());
    if (sent.ok() && *sent) continue;
    store_->outbox_changes()->WaitAbove(seen, kPoll);
  }
}

absl::StatusOr<bool> PagerDuty::SendOne() {
  HT_ASSIGN_OR_RETURN(std::optional<Outbox::Item> item, outbox_->Next(options_.clock->WallNs()));
  if (!item) return false;
  absl::StatusOr<EventInput> input = Gather(*item);
  if (absl::IsNotFound(input.status())) {
    HT_RETURN_IF_ERROR(outbox_->Park(*item, "the incident is no longer in the store"));
    return true;
  }
  if (!input.ok()) return input.status();
  absl::StatusOr<HttpResponse> answer = http_.Post(options_.endpoint, MakeEvent(*input));
  if (stopping_) return false;
  HT_RETURN_IF_ERROR(Settle(*item, answer));
  return true;
}

absl::StatusOr<EventInput> PagerDuty::Gather(const Outbox::Item& item) {
  EventInput input{.action = item.action,
                   .routing_key = options_.routing_key,
                   .client_url = options_.client_url};
  const std::string name = wire::ResourceName(item.incident);
  if (item.action != Outbox::kTrigger) {
    input.incident.set_name(name);
    return input;
  }
  store::ReaderPool::Lease reader = store_->readers()->Borrow();
  HT_ASSIGN_OR_RETURN(input.incident, reader->GetIncident(item.incident));
  HT_ASSIGN_OR_RETURN(
      store::Page<v1::Detection> detections,
      reader->ListDetections({.incident = item.incident}, std::nullopt, kMaxDetections));
  input.detections = std::move(detections.items);
  absl::StatusOr<v1::Path> path = store::FindPath(reader.get(), path_of_, name);
  if (path.ok()) {
    input.path = *std::move(path);
  } else {
    LogWarning("pagerduty", name, " is sent without its path: ", path.status().ToString());
  }
  return input;
}

absl::Status PagerDuty::Settle(const Outbox::Item& item,
                               const absl::StatusOr<HttpResponse>& answer) {
  const std::string name = wire::ResourceName(item.incident);
  if (answer.ok() && answer->status == 202) return outbox_->Done(item);
  const bool again = !answer.ok() || answer->status == 429 || answer->status >= 500;
  // The server could repeat the event's key in its answer.
  const std::string reason =
      answer.ok() ? absl::StrReplaceAll(absl::StrCat("HTTP ", answer->status, ": ", answer->body),
                                        {{options_.routing_key, "…"}})
                  : std::string(answer.status().message());
  if (!again) {
    LogError("pagerduty", name, " was refused and will not be sent again: ", reason);
    return outbox_->Park(item, reason);
  }
  absl::Duration wait = BackOff(item.attempts);
  if (answer.ok() && answer->retry_after > absl::ZeroDuration()) {
    wait = std::min(std::max(answer->retry_after, options_.first_backoff), absl::Hours(1));
  }
  LogWarning("pagerduty", name, " not taken, again in ", absl::FormatDuration(wait), ": ", reason);
  return outbox_->Retry(item, options_.clock->WallNs() + absl::ToInt64Nanoseconds(wait), reason);
}

absl::Duration PagerDuty::BackOff(int64_t attempts) {
  absl::Duration wait = options_.first_backoff;
  for (int64_t i = 0; i < attempts && wait < options_.longest_backoff; ++i) wait *= 2;
  wait = std::min(wait, options_.longest_backoff);
  // Between half and the whole, so that many collectors do not come back at once.
  static thread_local absl::BitGen random;
  return wait * absl::Uniform(random, 0.5, 1.0);
}

}  // namespace hoptrail::collector::notify
