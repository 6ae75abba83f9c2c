#include "core/config/rule_number.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

uint32_t RuleNumber(const google::protobuf::Message& rule,
                    const google::protobuf::FieldDescriptor& field) {
  const uint32_t value = rule.GetReflection()->GetUInt32(rule, &field);
  return value == 0 ? field.options().GetExtension(v1::zero_means) : value;
}

uint32_t RuleNumber(const google::protobuf::Message& rule, int field_number) {
  return RuleNumber(rule, *rule.GetDescriptor()->FindFieldByNumber(field_number));
}

}  // namespace hoptrail::config
