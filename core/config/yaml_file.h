#ifndef HOPTRAIL_CORE_CONFIG_YAML_FILE_H_
#define HOPTRAIL_CORE_CONFIG_YAML_FILE_H_

// Configuration: a YAML file whose schema is a protobuf message (proto/hoptrail/v1/config.proto).

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>

#include "core/config/key_places.h"

namespace hoptrail::config {

// Reads `path` into `out`, which is cleared first. Keys are field names, enumerations go by the
// names of their values. An unknown key, a key given twice, a value of the wrong type, out of the
// range of its type or of the options min and max, a variable in a text ("${NAME}": nothing here
// replaces it), and an absent or empty field of option `required` are INVALID_ARGUMENT, in words
// for the operator:
//   agent.yaml:7: rules.pivot.port: unknown key
// A key without a value counts as absent. NOT_FOUND or PERMISSION_DENIED where the file cannot be
// read, INVALID_ARGUMENT where it is over 1 MiB, nested too deeply or not YAML. Only the first
// fault is reported. Throws nothing. `places`, unless null, gets the line of each key.
absl::Status LoadYaml(const std::string& path, google::protobuf::Message* out,
                      KeyPlaces* places = nullptr);

// The same for a text; `name` takes the file's place in messages.
absl::Status ParseYaml(absl::string_view text, absl::string_view name,
                       google::protobuf::Message* out, KeyPlaces* places = nullptr);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_YAML_FILE_H_
