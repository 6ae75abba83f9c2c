#ifndef HOPTRAIL_CORE_WIRE_FIELD_READER_H_
#define HOPTRAIL_CORE_WIRE_FIELD_READER_H_

#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/timestamp.pb.h>

#include "core/model/ids.h"
#include "core/model/net.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::wire {

enum class Presence { kRequired, kOptional };

// Checks the fields of one message from an untrusted peer. Every method returns the field's value,
// or an empty one after recording what is wrong with it. Only the first fault is kept, as
// INVALID_ARGUMENT "MESSAGE.FIELD: what is wrong". A conversion is therefore a list of assignments
// that checks status() once, at its end. Internal to core/wire; not thread-safe.
class FieldReader {
 public:
  explicit FieldReader(absl::string_view message) : message_(message) {}

  const absl::Status& status() const { return status_; }
  void Fail(absl::string_view field, absl::string_view what);

  // An empty name gives the empty id where it is optional.
  model::HostId Host(absl::string_view field, const std::string& name, Presence presence);
  model::SessionId Session(absl::string_view field, const std::string& name, Presence presence);
  model::DetectionId Detection(absl::string_view field, const std::string& name);
  model::IncidentId Incident(absl::string_view field, const std::string& name, Presence presence);

  std::string Text(absl::string_view field, const std::string& value, size_t limit);
  uint64_t Count(absl::string_view field, uint64_t value);
  uint16_t Port(absl::string_view field, uint32_t value);
  model::IpAddress Address(absl::string_view field, const std::string& value);
  model::HopKey HopKey(absl::string_view field, const std::string& value);
  // Unset, or the epoch itself, is 0: not known. From 1970 to what 63 bits of ns can hold.
  int64_t Time(absl::string_view field, const google::protobuf::Timestamp& value);
  bool AtMost(absl::string_view field, size_t size, size_t limit);

  // Unset parts stay empty.
  model::Endpoint Endpoint(absl::string_view field, bool present, const v1::Endpoint& value);
  model::Flow Flow(absl::string_view field, const v1::Flow& value);
  model::ProcessKey Process(absl::string_view field, const v1::Process& value);

  // Model and wire enumerations share their numbers; values.cc asserts it. `last` is the greatest.
  template <typename Model>
  Model Enum(absl::string_view field, int value, Model last, Presence presence) {
    const int least = presence == Presence::kRequired ? 1 : 0;
    if (value >= least && value <= static_cast<int>(last)) return static_cast<Model>(value);
    FailEnum(field, value);
    return Model{};
  }

  // The value, or an empty one after recording the nested message's fault.
  template <typename T>
  T Nested(absl::StatusOr<T> value) {
    if (value.ok()) return *std::move(value);
    if (status_.ok()) status_ = value.status();
    return T{};
  }

 private:
  void FailEnum(absl::string_view field, int value);
  template <typename Id>
  Id Name(absl::string_view field, const std::string& name, Presence presence,
          absl::StatusOr<Id> (*parse)(absl::string_view));

  const std::string message_;
  absl::Status status_;
};

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_FIELD_READER_H_
