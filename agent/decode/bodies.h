#ifndef HOPTRAIL_AGENT_DECODE_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_BODIES_H_

// From a record's fields to its body, one function a type. The record has its type's least size and
// no more bytes than it says; what its texts count is checked here. Only for this directory.

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

// process_bodies.cc
absl::Status ReadFork(absl::string_view record, Fork* fork);
absl::Status ReadExec(absl::string_view record, Exec* exec);
absl::Status ReadProcessSnapshot(absl::string_view record, ProcessSnapshot* snapshot);
CredentialsChange ToCredentialsChange(const ht_credentials& raw);
NamespacesChange ToNamespacesChange(const ht_namespaces& raw);

// socket_bodies.cc
Tcp ToTcp(const ht_tcp& raw);
Accept ToAccept(const ht_accept& raw);
SocketSnapshot ToSocketSnapshot(const ht_socket_snapshot& raw);
absl::Status ReadUnixConnect(absl::string_view record, UnixConnect* connect);
DatagramFlow ToDatagramFlow(const ht_datagram_flow& raw);

// other_bodies.cc
Pam ToPam(const ht_pam& raw);
SshdMessage ToSshdMessage(const ht_sshd& raw);
absl::Status ReadFile(absl::string_view record, File* file);
Tampering ToTampering(const ht_tampering& raw);
Lost ToLost(const ht_lost& raw);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_BODIES_H_
