#include "agent/config/reload.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/reflection.h>

#include "agent/host/host_facts.h"
#include "core/base/read_file.h"
#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/config/findings.h"
#include "core/config/rule_number.h"

namespace hoptrail::agent {
namespace {

constexpr size_t kMostBytes = 1u << 20;  // the parser's own limit

bool Same(const v1::CollectorAddress& a, const v1::CollectorAddress& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

bool SameRule(const v1::HostRulesConfig& a, const v1::HostRulesConfig& b,
              const google::protobuf::FieldDescriptor& rule) {
  return a.GetReflection()->GetMessage(a, &rule).SerializeAsString() ==
         b.GetReflection()->GetMessage(b, &rule).SerializeAsString();
}

// Whether `after` lacks an element of `before`.
template <typename T>
bool Lacks(const std::vector<T>& after, const std::vector<T>& before) {
  return std::any_of(before.begin(), before.end(), [&](const T& each) {
    return std::find(after.begin(), after.end(), each) == after.end();
  });
}

std::vector<uint32_t> Numbers(const google::protobuf::Message& rule,
                              const google::protobuf::FieldDescriptor& field) {
  const auto list = rule.GetReflection()->GetRepeatedFieldRef<uint32_t>(rule, &field);
  return {list.begin(), list.end()};
}

// Whether the rule sees less because of this field.
bool IsWeaker(const google::protobuf::FieldDescriptor& field, const google::protobuf::Message& from,
              const google::protobuf::Message& to) {
  if (field.name() == "disabled") {
    return to.GetReflection()->GetBool(to, &field) && !from.GetReflection()->GetBool(from, &field);
  }
  switch (field.options().GetExtension(v1::weaker)) {
    case v1::when_greater:
      return config::RuleNumber(to, field) > config::RuleNumber(from, field);
    case v1::when_smaller:
      return config::RuleNumber(to, field) < config::RuleNumber(from, field);
    case v1::when_fewer: {
      const std::vector<uint32_t> before = Numbers(from, field), after = Numbers(to, field);
      return before.empty() != after.empty() || Lacks(after, before);
    }
    default:
      return false;
  }
}

bool IsWeaker(const google::protobuf::FieldDescriptor& rule, const v1::HostRulesConfig& from,
              const v1::HostRulesConfig& to) {
  const google::protobuf::Descriptor& fields = *rule.message_type();
  for (int i = 0; i < fields.field_count(); ++i) {
    if (IsWeaker(*fields.field(i), from.GetReflection()->GetMessage(from, &rule),
                 to.GetReflection()->GetMessage(to, &rule))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> Weakened(const Settings& started, const Settings& present,
                                  const Settings& fresh) {
  std::vector<std::string> keys;
  const auto note = [&](std::string key, bool weaker) {
    if (weaker) keys.push_back(std::move(key));
  };
  note("collector", !Same(present.collector, fresh.collector));
  const google::protobuf::Descriptor& rules = *v1::HostRulesConfig::descriptor();
  for (int i = 0; i < rules.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& rule = *rules.field(i);
    note(absl::StrCat("rules.", rule.name()), IsWeaker(rule, present.rules, fresh.rules));
  }
  note("spool.max_mib", fresh.spool_bytes < present.spool_bytes);
  note("scope.network_namespace",
       !fresh.network_namespace.empty() && started.network_namespace != fresh.network_namespace);
  note("hops.watched_ports", Lacks(fresh.watched_ports, started.watched_ports));
  note("kernel.watch", Lacks(fresh.sensor.watch.reads, started.sensor.watch.reads) ||
                           Lacks(fresh.sensor.watch.writes, started.sensor.watch.writes));
  return keys;
}

}  // namespace

Reload PlanReload(const Settings& started, const Settings& present, const Settings& fresh) {
  Reload reload{.settings = started};
  reload.weakened = Weakened(started, present, fresh);
  Settings& next = reload.settings;
  const auto take = [&](std::string key, bool same) {
    if (!same) reload.changed.push_back(std::move(key));
  };
  const auto keep = [&](const char* key, bool same) {
    if (!same) reload.needs_restart.emplace_back(key);
  };
  next.host_name = fresh.host_name;
  take("host.name", present.host_name == fresh.host_name);
  next.collector = fresh.collector;
  take("collector", Same(present.collector, fresh.collector));
  next.rules = fresh.rules;
  const google::protobuf::Descriptor& rules = *v1::HostRulesConfig::descriptor();
  for (int i = 0; i < rules.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& rule = *rules.field(i);
    take(absl::StrCat("rules.", rule.name()), SameRule(present.rules, fresh.rules, rule));
  }
  next.spool_bytes = fresh.spool_bytes;
  take("spool.max_mib", present.spool_bytes == fresh.spool_bytes);
  next.log_level = fresh.log_level;
  take("log_level", present.log_level == fresh.log_level);

  keep("state_directory", started.state_directory == fresh.state_directory);
  keep("host.machine_id_file", started.machine_id_file == fresh.machine_id_file);
  keep("scope.network_namespace", started.network_namespace == fresh.network_namespace);
  keep("hops.watched_ports", started.watched_ports == fresh.watched_ports);
  keep("kernel.syscall_hooks", started.sensor.syscall_hooks == fresh.sensor.syscall_hooks);
  keep("kernel.high_ring_kib", started.sensor.high_ring_bytes == fresh.sensor.high_ring_bytes);
  keep("kernel.low_ring_kib", started.sensor.low_ring_bytes == fresh.sensor.low_ring_bytes);
  keep("kernel.watch", started.sensor.watch == fresh.sensor.watch);
  return reload;
}

absl::StatusOr<Reload> CheckReload(const Settings& started, const Settings& present,
                                   const std::string& text) {
  HT_ASSIGN_OR_RETURN(const Settings fresh, ParseSettings(text, started.file));
  HT_RETURN_IF_ERROR(CheckSettings(fresh).FirstOf(config::Weight::kError));
  if (fresh.collector.has_tls()) HT_RETURN_IF_ERROR(config::CheckTls(fresh.collector.tls()));
  return PlanReload(started, present, fresh);
}

absl::StatusOr<std::string> ReadConfiguration(const std::string& path) {
  return ReadFile(path, kMostBytes);
}

}  // namespace hoptrail::agent
