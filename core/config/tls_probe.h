#ifndef HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_
#define HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_

#include <string>

#include "absl/time/time.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// Why no TLS connection to the collector comes about, for a person, with what to do: its
// certificate has expired, is another host's or of an unknown authority; it refuses ours; what
// answers there speaks no TLS. gRPC says "certificate verify failed" or "Socket closed" for all of
// these. Empty where a connection comes about, or where nothing answers at all, which gRPC says
// well.
//
// Makes a connection of its own, which is closed again; gives it `within`, name resolution not
// counted. Our certificate is shown only to a server whose own is good.
std::string WhyNoTls(const v1::CollectorAddress& collector, absl::Duration within);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_
