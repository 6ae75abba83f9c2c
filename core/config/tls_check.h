#ifndef HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_
#define HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_

// Checks the files of a TlsConfig as the other side will, for --check-config and at start.

#include <string>

#include "absl/strings/string_view.h"

#include "core/config/findings.h"
#include "core/model/ids.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {

// The use that the certificate must allow.
struct TlsUse {
  bool server = false;       // presented to clients; else to the collector
  model::MachineId machine;  // unless empty: it must be for the agent of this machine
};

// Adds to `findings` what is wrong with the files, under `key` ("collector.tls").
// Errors: a file that cannot be read or has the wrong contents; a key of another certificate; a
// certificate for another use or another machine.
// Passing: a certificate that has expired or is not valid yet.
// Warnings: a key that others may read; an issuer that is none of the authorities in ca_file (which
// need not be the collector's); an authority that may not sign; a server's certificate without a
// name.
void CheckTlsFiles(const v1::TlsConfig& tls, const TlsUse& use, absl::string_view key,
                   Findings* findings);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_TLS_CHECK_H_
