#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_STORED_VALUES_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_STORED_VALUES_H_

// The small values inside the stored messages, and how they are checked when they are read.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "collector/store/sqlite/blobs.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include <hoptrail/internal/store.pb.h>

namespace hoptrail::collector::store {

template <typename T>
std::string Bytes(const T& value) {
  return std::string(Blob(value));
}

inline internal::StoredEndpoint ToStored(const model::Endpoint& in) {
  internal::StoredEndpoint out;
  out.set_address(Bytes(in.address));
  out.set_port(in.port);
  return out;
}

inline internal::StoredFlow ToStored(const model::Flow& in) {
  internal::StoredFlow out;
  *out.mutable_client() = ToStored(in.client);
  *out.mutable_server() = ToStored(in.server);
  return out;
}

inline internal::StoredProcess ToStored(const model::ProcessKey& in) {
  internal::StoredProcess out;
  out.set_tgid(in.tgid);
  out.set_start_boot_ns(in.start_boot_ns);
  return out;
}

inline model::ProcessKey FromStored(const internal::StoredProcess& in) {
  return {in.tgid(), in.start_boot_ns()};
}

inline model::HopKey HopKeyOf(uint64_t value) {
  return {static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value)};
}

// Reads values and remembers whether one of them was invalid.
class StoredValues {
 public:
  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }

  template <typename T>
  T Id(const std::string& bytes) {
    const T id = IdFrom<T>(bytes);
    if (bytes.size() != id.bytes.size()) Fail();
    return id;
  }
  template <typename T>
  T IdOrNone(const std::string& bytes) {
    return bytes.empty() ? T() : Id<T>(bytes);
  }
  model::HostId Host(const std::string& bytes) {
    if (bytes.size() != 32) Fail();
    return HostFrom(bytes);
  }
  model::IpAddress Address(const std::string& bytes) { return Id<model::IpAddress>(bytes); }
  template <typename T>
  T Enum(uint32_t value, T last) {
    if (value > static_cast<uint32_t>(last)) Fail();
    return ok_ ? static_cast<T>(value) : T();
  }
  model::Endpoint Endpoint(const internal::StoredEndpoint& in) {
    if (in.port() > 0xffff) Fail();
    return {Address(in.address()), static_cast<uint16_t>(in.port())};
  }
  model::Flow Flow(const internal::StoredFlow& in) {
    return {Endpoint(in.client()), Endpoint(in.server())};
  }

 private:
  bool ok_ = true;
};

// Parses a `Message` and converts it by `from_stored`. DATA_LOSS when one of the two fails.
template <typename Message, typename Model>
absl::StatusOr<Model> DecodeMessage(absl::string_view data,
                                    Model (*from_stored)(const Message&, StoredValues&)) {
  Message message;
  if (message.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    StoredValues read;
    Model value = from_stored(message, read);
    if (read.ok()) return value;
  }
  return absl::DataLossError(
      absl::StrCat("the store holds a damaged ", std::string(message.GetTypeName())));
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_STORED_VALUES_H_
