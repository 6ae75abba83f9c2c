#include "collector/rules/registry.h"

#include "absl/strings/str_replace.h"
#include <google/protobuf/descriptor.h>

#include "collector/rules/blinding.h"
#include "collector/rules/credential_switch.h"
#include "collector/rules/disputed_end.h"
#include "collector/rules/multi_hop.h"
#include "collector/rules/spread.h"
#include "core/base/log.h"

namespace hoptrail::collector::rules {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The rule's own message; the default one if the configuration file does not mention the rule.
const Message& ConfigOf(absl::string_view rule_id, const v1::FleetRulesConfig& config) {
  const FieldDescriptor* field =
      v1::FleetRulesConfig::descriptor()->FindFieldByName(FieldName(rule_id));
  HT_CHECK(field != nullptr && field->message_type() != nullptr);
  return config.GetReflection()->GetMessage(config, field);
}

template <typename Rule>
std::unique_ptr<FleetRule> Make(const v1::FleetRulesConfig& config) {
  const Message& own = ConfigOf(Rule::Info().id, config);
  HT_CHECK(own.GetDescriptor() == Rule::Config::descriptor());
  return std::make_unique<Rule>(static_cast<const typename Rule::Config&>(own));
}

template <typename Rule>
RegisteredRule Register() {
  return {&Rule::Info, &Make<Rule>};
}

}  // namespace

const std::vector<RegisteredRule>& FleetRules() {
  static const auto& rules = *new std::vector<RegisteredRule>{
      Register<Blinding>(), Register<CredentialSwitch>(), Register<DisputedEnd>(),
      Register<MultiHop>(), Register<Spread>(),
  };
  return rules;
}

std::string FieldName(absl::string_view rule_id) {
  return absl::StrReplaceAll(rule_id, {{"-", "_"}});
}

}  // namespace hoptrail::collector::rules
