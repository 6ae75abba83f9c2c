// The URIs in a client's certificate, which give its roles. One a line.

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "collector/rpc/peer.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  collector::rpc::Peer peer;
  for (absl::string_view uri : absl::StrSplit(text, '\n')) collector::rpc::AddRole(uri, &peer);
  const bool ours = absl::StrContains(text, "spiffe://hoptrail/");
  fuzz::Require(ours || (!peer.reader && !peer.operator_role && !peer.agent),
                "another name space gives no role");
  fuzz::Require(!peer.local, "a certificate does not make a caller local");
  fuzz::Require(!peer.operator_role || peer.reader, "an operator is a reader");
  fuzz::Require(!peer.operator_role || absl::StrContains(text, "/operator/"),
                "an operator's URI has that role");
  fuzz::Require(!peer.agent || !peer.machine.empty(), "an agent has a machine");
  return 0;
}
