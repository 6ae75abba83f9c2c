#include "core/config/rule_sides.h"

#include <algorithm>
#include <string>

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Null where there is none. An id has '-' where its field has '_'.
const FieldDescriptor* FieldOf(const Descriptor& rules, absl::string_view id) {
  std::string name(id);
  if (name.find('_') != std::string::npos) return nullptr;
  std::replace(name.begin(), name.end(), '-', '_');
  return rules.FindFieldByName(name);
}

}  // namespace

bool IsHostRule(absl::string_view id) {
  return FieldOf(*v1::HostRulesConfig::descriptor(), id) != nullptr;
}

bool IsRuleDisabled(const Message& rules, absl::string_view id) {
  const FieldDescriptor* const field = FieldOf(*rules.GetDescriptor(), id);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const Message& rule = rules.GetReflection()->GetMessage(rules, field);
  const FieldDescriptor* const disabled = rule.GetDescriptor()->FindFieldByName("disabled");
  if (disabled == nullptr || disabled->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) return true;
  return rule.GetReflection()->GetBool(rule, disabled);
}

}  // namespace hoptrail::config
