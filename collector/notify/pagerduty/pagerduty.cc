#include "collector/notify/pagerduty/pagerduty.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "collector/api/message_reader.h"
#include "core/base/log.h"
#include "core/base/read_file.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::notify {
namespace {

using store::Outbox;

constexpr size_t kRoutingKeyLength = 32;
constexpr size_t kMaxKeyFileBytes = 4096;
constexpr int kMaxDetections = 1000;
constexpr absl::Duration kPoll = absl::Seconds(1);

bool IsRoutingKey(absl::string_view key) {
  return key.size() == kRoutingKeyLength &&
         std::all_of(key.begin(), key.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c); });
}

}  // namespace

absl::StatusOr<std::string> ReadRoutingKey(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxKeyFileBytes);
  if (!text.ok()) return Annotate(text.status(), "routing key file");
  std::string line = text->substr(0, text->find('\n'));
  absl::StripAsciiWhitespace(&line);
  if (!IsRoutingKey(line)) {
    return absl::InvalidArgumentError(
        absl::StrCat("routing key file ", path, ": its first line is not 32 letters and digits"));
  }
  return line;
}

absl::StatusOr<PagerDuty::Options> PagerDutyOptions(const v1::PagerDutyConfig& config) {
  PagerDuty::Options options;
  if (!config.endpoint().empty()) options.endpoint = config.endpoint();
  options.client_url = config.client_url();
  absl::Status status = CheckEndpoint(options.endpoint);
  if (!status.ok()) return Annotate(status, "pagerduty.endpoint");
  HT_ASSIGN_OR_RETURN(options.routing_key, ReadRoutingKey(config.routing_key_file()));
  return options;
}

absl::StatusOr<std::unique_ptr<PagerDuty>> PagerDuty::Create(store::Store* store,
                                                             api::PathSource path_of,
                                                             const Options& options) {
  HT_RETURN_IF_ERROR(Check(options));
  HT_ASSIGN_OR_RETURN(std::unique_ptr<Outbox> outbox, store->OpenOutbox());
  return std::unique_ptr<PagerDuty>(
      new PagerDuty(store, std::move(outbox), std::move(path_of), options));
}

PagerDuty::PagerDuty(store::Store* store, std::unique_ptr<Outbox> outbox, api::PathSource path_of,
                     const Options& options)
    : store_(store),
      outbox_(std::move(outbox)),
      path_of_(std::move(path_of)),
      clock_(options.clock),
      schedule_options_(options.schedule),
      options_(options),
      schedule_(std::in_place, options.schedule),
      trouble_("pagerduty", options.clock) {}

PagerDuty::~PagerDuty() { Stop(); }

absl::Status PagerDuty::Check(const Options& options) {
  HT_RETURN_IF_ERROR(CheckEndpoint(options.endpoint));
  if (!IsRoutingKey(options.routing_key)) {
    return absl::InvalidArgumentError("the routing key is not 32 letters and digits");
  }
  return absl::OkStatus();
}

absl::Status PagerDuty::Reconfigure(const v1::CollectorConfig& config) {
  HT_ASSIGN_OR_RETURN(Options options, PagerDutyOptions(config.pagerduty()));
  options.schedule = schedule_options_;
  options.clock = clock_;
  return Reconfigure(options);
}

absl::Status PagerDuty::Reconfigure(const Options& options) {
  HT_RETURN_IF_ERROR(Check(options));
  MutexLock lock(&mutex_);
  next_options_ = options;
  return absl::OkStatus();
}

void PagerDuty::TakeOptions() {
  MutexLock lock(&mutex_);
  if (!next_options_) return;
  options_ = *std::exchange(next_options_, std::nullopt);
  schedule_.emplace(options_.schedule);
}

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
    // Read before the outbox, so that a change in between ends the next wait at once.
    const int64_t seen = store_->outbox_changes()->revision();
    absl::StatusOr<bool> sent = SendOne();
    trouble_.Note(sent.status());
    if (sent.ok() && *sent) continue;
    store_->outbox_changes()->WaitAbove(seen, kPoll);
  }
}

absl::StatusOr<bool> PagerDuty::SendOne() {
  TakeOptions();
  const absl::Status recorded = RecordAccepted();  // of earlier calls; a failure stops nothing
  HT_ASSIGN_OR_RETURN(std::optional<Outbox::Item> item, NextDue());
  if (!item) return recorded.ok() ? absl::StatusOr<bool>(false) : recorded;
  absl::StatusOr<EventInput> input = Gather(*item);
  if (absl::IsNotFound(input.status())) {
    LogWarning("pagerduty", wire::ResourceName(item->incident), " is no longer in the store");
    const absl::Status removed = outbox_->Remove(*item);
    if (!removed.ok()) schedule_->Refused(*item, static_cast<int64_t>(options_.clock->BootNs()));
    HT_RETURN_IF_ERROR(removed);
    return true;
  }
  if (!input.ok()) return input.status();
  const bool reduced = schedule_->Reduced(*item);
  const absl::StatusOr<HttpResponse> answer =
      http_.Post(options_.endpoint, reduced ? MakeReducedEvent(*input) : MakeEvent(*input));
  if (stopping_) return false;
  HT_RETURN_IF_ERROR(
      HandleVerdict(*item, EvaluateAnswer(answer, DedupKey(*input), options_.routing_key)));
  return true;
}

absl::StatusOr<std::optional<Outbox::Item>> PagerDuty::NextDue() {
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  while (schedule_->Begin(now)) {
    HT_ASSIGN_OR_RETURN(std::optional<Outbox::Item> item,
                        outbox_->Next([this, now](const Outbox::Item& waiting) {
                          return !IsUnrecorded(waiting) && schedule_->Due(waiting, now);
                        }));
    if (item || !schedule_->End()) return item;
  }
  return std::optional<Outbox::Item>();
}

bool PagerDuty::IsUnrecorded(const Outbox::Item& item) const {
  return std::any_of(unrecorded_.begin(), unrecorded_.end(), [&item](const Unrecorded& accepted) {
    return accepted.item.id == item.id && accepted.item.version == item.version;
  });
}

absl::Status PagerDuty::RecordAccepted() {
  while (!unrecorded_.empty()) {
    const Unrecorded& accepted = unrecorded_.back();
    HT_RETURN_IF_ERROR(outbox_->Done(accepted.item, accepted.wall_ns, accepted.note));
    unrecorded_.pop_back();
  }
  return absl::OkStatus();
}

absl::StatusOr<EventInput> PagerDuty::Gather(const Outbox::Item& item) {
  EventInput input{.action = item.action,
                   .routing_key = options_.routing_key,
                   .client_url = options_.client_url};
  const std::string name = wire::ResourceName(item.incident);
  input.incident.set_name(name);
  if (item.action != Outbox::kTrigger) return input;
  const auto left_out = [&name](absl::string_view what, const absl::Status& status) {
    LogWarning("pagerduty", name, " is sent without ", what, ": ", status.ToString());
  };
  api::MessageReader reader(store_->BorrowReader());
  absl::StatusOr<v1::Incident> incident = reader.GetIncident(item.incident);
  if (absl::IsNotFound(incident.status())) return incident.status();
  if (!incident.ok()) {
    left_out("its contents", incident.status());
    return input;
  }
  input.incident = *std::move(incident);
  const absl::Status degraded = reader.AddDegradedHosts(&input.incident, store_->trouble());
  if (!degraded.ok()) left_out("its degraded hosts", degraded);
  auto detections =
      reader.ListDetections({.incident = item.incident}, std::nullopt, kMaxDetections);
  if (detections.ok()) {
    input.detections = std::move(detections->items);
  } else {
    left_out("its detections", detections.status());
  }
  absl::StatusOr<v1::Path> path = api::FindPath(&reader, path_of_, name);
  if (path.ok()) {
    input.path = *std::move(path);
  } else {
    left_out("its path", path.status());
  }
  return input;
}

absl::Status PagerDuty::HandleVerdict(const Outbox::Item& item, const Verdict& verdict) {
  const std::string name = wire::ResourceName(item.incident);
  const int64_t wall_ns = options_.clock->WallNs();
  if (verdict.kind == Verdict::kAccepted) {
    const bool reduced = schedule_->Reduced(item) && item.action == Outbox::kTrigger;
    if (reduced) LogWarning("pagerduty", name, " was accepted as its title only");
    schedule_->Accepted(item);
    unrecorded_.push_back({item, wall_ns, reduced ? "only its title was accepted" : ""});
    return RecordAccepted();
  }
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  DeliverySchedule::Wait wait;
  if (verdict.kind == Verdict::kEventRefused) {
    wait = schedule_->Refused(item, now);
  } else {
    wait = schedule_->Failed(item, now, verdict.retry_after, outbox_->LastId().value_or(item.id));
  }
  LogError("pagerduty", name, " was not accepted, again in ",
           absl::FormatDuration(absl::Trunc(wait.wait, absl::Seconds(1))),
           wait.of_service ? "" : " (others are not held up)", ": ", verdict.reason);
  return outbox_->Failed(item,
                         {wall_ns, wall_ns + absl::ToInt64Nanoseconds(wait.wait), verdict.reason},
                         wait.of_service);
}

}  // namespace hoptrail::collector::notify
