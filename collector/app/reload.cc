#include "collector/app/reload.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <google/protobuf/util/message_differencer.h>

#include "core/base/log.h"

namespace hoptrail::collector::app {
namespace {

// The names of the top-level keys whose values differ.
std::vector<std::string> Differences(const v1::CollectorConfig& before,
                                     const v1::CollectorConfig& after) {
  std::vector<std::string> keys;
  const google::protobuf::Descriptor* descriptor = v1::CollectorConfig::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    google::protobuf::util::MessageDifferencer differencer;
    std::vector<const google::protobuf::FieldDescriptor*> field{descriptor->field(i)};
    if (!differencer.CompareWithFields(before, after, field, field)) {
      keys.push_back(field[0]->name());
    }
  }
  return keys;
}

std::multiset<std::string> Addresses(const v1::CollectorConfig& config) {
  std::multiset<std::string> addresses;
  for (const v1::ListenConfig& listen : config.listen()) addresses.insert(listen.address());
  return addresses;
}

}  // namespace

void Reloader::Reload(const absl::StatusOr<Options>& options) {
  if (!options.ok()) {
    LogError("collector", "the configuration stays as it was: ", options.status().message());
    notifiers_->Reopen();
    ReloadTls(applied_.config);
    return;
  }
  const v1::CollectorConfig& after = options->config;
  const std::vector<std::string> changed = Differences(applied_.config, after);
  SetLogLevelOf(after);
  LogInfo("collector", "configuration reloaded; ",
          changed.empty() ? "nothing in it has changed"
                          : absl::StrCat("changed: ", absl::StrJoin(changed, ", ")));
  if (Addresses(started_.config) != Addresses(after)) {
    LogWarning("collector", "listen: other addresses need a restart");
  }
  if (started_.config.store().path() != after.store().path()) {
    LogWarning("collector", "store.path: another store needs a restart; ",
               started_.config.store().path(), " stays in use");
  }
  const bool pushed = loop_->TryPush(
      engine::ReconfigureRequest{.rules = options->engine.rules,
                                 .minimum_severity = options->engine.minimum_severity,
                                 .engine_retention_ns = options->engine.retention_ns,
                                 .retention = options->store.retention,
                                 .notify = options->store.writer.notify,
                                 .silent_after_ns = options->loop.silent_after_ns,
                                 .heartbeat_timeout_ns = options->loop.heartbeat_timeout_ns,
                                 .translations = options->engine.translations});
  if (!pushed) {
    LogError("collector", "too busy to apply rules, times and retention: send SIGHUP again");
  }
  notifiers_->Reconfigure(after);
  ReloadTls(after);
  applied_ = *options;
}

void Reloader::ReloadTls(const v1::CollectorConfig& config) {
  for (const v1::ListenConfig& listen : config.listen()) {
    auto tls = listeners_->tls.find(listen.address());
    if (tls == listeners_->tls.end() || !listen.has_tls()) continue;
    const absl::StatusOr<bool> changed = tls->second->Reload(listen.tls());
    if (!changed.ok()) {
      LogError("collector", "listen ", listen.address(),
               ": the certificates stay as they were: ", changed.status().message());
    } else if (*changed) {
      LogInfo("collector", "listen ", listen.address(), ": new certificates");
    }
  }
}

}  // namespace hoptrail::collector::app
