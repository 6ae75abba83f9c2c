#ifndef HOPTRAIL_CORE_CONFIG_MESSAGE_FILLER_H_
#define HOPTRAIL_CORE_CONFIG_MESSAGE_FILLER_H_

// Fills a protobuf message from a parsed YAML document. Internal to core/config; others use
// yaml_file.h.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include "core/config/key_places.h"

namespace hoptrail::config {

class MessageFiller {
 public:
  // Writes the line of each key to `places`.
  MessageFiller(absl::string_view file, KeyPlaces* places) : file_(file), places_(places) {}

  // `path` is the key path of `node`, empty at the top. May throw YAML::Exception.
  absl::Status Fill(const YAML::Node& node, const std::string& path,
                    google::protobuf::Message* out) const;

 private:
  using Field = google::protobuf::FieldDescriptor;

  absl::Status FillField(const YAML::Node& node, const std::string& path, const Field& field,
                         google::protobuf::Message* out) const;
  absl::Status FillList(const YAML::Node& node, const std::string& path, const Field& field,
                        google::protobuf::Message* out) const;
  absl::Status FillScalar(const YAML::Node& node, const std::string& path, const Field& field,
                          google::protobuf::Message* out) const;
  absl::Status CheckRequired(const YAML::Node& node, const std::string& path,
                             const google::protobuf::Message& message) const;
  void Note(const YAML::Node& node, const std::string& path) const;
  absl::Status Fault(const YAML::Node& node, absl::string_view path, absl::string_view what) const;

  const std::string file_;
  KeyPlaces* const places_;
};

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_MESSAGE_FILLER_H_
