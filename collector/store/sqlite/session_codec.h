#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SESSION_CODEC_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SESSION_CODEC_H_

// Sessions and hops as messages of hoptrail.internal. Pure functions.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/hop.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

std::string Encode(const model::Session& session);
std::string Encode(const model::Hop& hop);

// DATA_LOSS when the bytes are not what Encode wrote.
absl::StatusOr<model::Session> DecodeSession(absl::string_view data);
absl::StatusOr<model::Hop> DecodeHop(absl::string_view data);

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SESSION_CODEC_H_
