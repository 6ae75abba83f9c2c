#include "collector/app/notifiers.h"

#include <utility>

#include "collector/notify/json_lines/json_lines.h"
#include "collector/notify/pagerduty/pagerduty.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::app {

using NotifierOr = absl::StatusOr<std::unique_ptr<notify::Notifier>>;

struct Notifiers::Kind {
  absl::string_view name;  // in the log
  bool (*configured)(const v1::CollectorConfig& config);
  NotifierOr (*create)(store::Store* store, const api::PathSource& path_of,
                       const v1::CollectorConfig& config);
  absl::string_view when_off;  // what the log says when it is switched off
};

const std::vector<Notifiers::Kind>& Notifiers::Kinds() {
  static const auto& kinds = *new std::vector<Kind>{
      {"pagerduty", [](const v1::CollectorConfig& config) { return config.has_pagerduty(); },
       [](store::Store* store, const api::PathSource& path_of,
          const v1::CollectorConfig& config) -> NotifierOr {
         HT_ASSIGN_OR_RETURN(auto options, notify::PagerDutyOptions(config.pagerduty()));
         return notify::PagerDuty::Create(store, path_of, options);
       },
       "nobody is paged any more"},
      {"json_output",
       [](const v1::CollectorConfig& config) { return !config.json_output().empty(); },
       [](store::Store* store, const api::PathSource&, const v1::CollectorConfig& config)
           -> NotifierOr { return notify::JsonLines::Create(store, config.json_output()); },
       "no more lines are written"},
  };
  return kinds;
}

absl::Status Notifiers::Create(const v1::CollectorConfig& config) {
  for (const Kind& kind : Kinds()) {
    Entry entry{&kind, nullptr};
    if (kind.configured(config)) {
      HT_ASSIGN_OR_RETURN(entry.notifier, kind.create(store_, path_of_, config));
    }
    entries_.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

void Notifiers::Start() {
  for (Entry& entry : entries_) {
    if (entry.notifier != nullptr) entry.notifier->Start();
  }
}

void Notifiers::Stop() {
  for (Entry& entry : entries_) {
    if (entry.notifier != nullptr) entry.notifier->Stop();
  }
}

void Notifiers::Reconfigure(const v1::CollectorConfig& config) {
  for (Entry& entry : entries_) {
    const Kind& kind = *entry.kind;
    if (!kind.configured(config)) {
      if (entry.notifier != nullptr) LogWarning(kind.name, "switched off: ", kind.when_off);
      entry.notifier.reset();
      continue;
    }
    absl::Status status;
    if (entry.notifier != nullptr) {
      status = entry.notifier->Reconfigure(config);
    } else {
      NotifierOr created = kind.create(store_, path_of_, config);
      status = created.status();
      if (status.ok()) {
        entry.notifier = *std::move(created);
        entry.notifier->Start();
      }
    }
    if (!status.ok()) LogError(kind.name, "stays as it was: ", status.message());
  }
}

void Notifiers::Reopen() {
  for (Entry& entry : entries_) {
    if (entry.notifier != nullptr) entry.notifier->Reopen();
  }
}

}  // namespace hoptrail::collector::app
