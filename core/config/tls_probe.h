#ifndef HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_
#define HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_

#include <string>

#include "absl/time/time.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// Says why a TLS connection to the collector cannot be established, for a person, with what to do:
// its certificate has expired, is another host's or of an unknown authority; it refuses ours; the
// port does not speak TLS. gRPC reports "certificate verify failed" or "Socket closed" for all of
// these. Empty where a connection can be established, and where nothing answers, which gRPC reports
// well.
//
// Opens a connection of its own for at most `within`, name resolution not counted, and closes it.
// Presents our certificate only to a server whose own is good.
std::string WhyNoTls(const v1::CollectorAddress& collector, absl::Duration within);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TLS_PROBE_H_
