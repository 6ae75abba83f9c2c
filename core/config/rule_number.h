#ifndef HOPTRAIL_CORE_CONFIG_RULE_NUMBER_H_
#define HOPTRAIL_CORE_CONFIG_RULE_NUMBER_H_

#include <cstdint>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace hoptrail::config {

// A number of a rule's message: the field's value, or what 0 stands for (`zero_means` in
// hoptrail/v1/config.proto). The field is a uint32.
uint32_t RuleNumber(const google::protobuf::Message& rule,
                    const google::protobuf::FieldDescriptor& field);
uint32_t RuleNumber(const google::protobuf::Message& rule, int field_number);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_RULE_NUMBER_H_
