#ifndef HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_
#define HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_

// Looks at the files of a TlsConfig as the other side will: for --check-config and at start.

#include <string>

#include "absl/strings/string_view.h"

#include "core/config/findings.h"
#include "core/model/ids.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// What the certificate must be good for.
struct TlsUse {
  bool server = false;       // shown to those who connect; else to the collector
  model::MachineId machine;  // unless empty: it must be this machine's agent's
};

// Adds to `findings` what is wrong with the files, under `key` ("collector.tls"):
//   error    a file that cannot be read or is not what it should be; a key of another certificate;
//   a
//            certificate that is not for this use, or for another machine
//   passing  expired, not valid yet
//   warning  a key that others may read; an issuer that is none of ca_file's authorities, which
//   need
//            not be the collector's; an authority that may not sign; a server's without any name
void CheckTlsFiles(const v1::TlsConfig& tls, const TlsUse& use, absl::string_view key,
                   Findings* findings);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_
