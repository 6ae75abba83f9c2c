#ifndef HOPTRAIL_AGENT_DECODE_SOCKET_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_SOCKET_BODIES_H_

// Decodes the bodies of records about sockets: TCP, UNIX connects, datagram flows, socket snapshot.
//
// The caller has checked that `record` has the smallest size of its type and no more bytes than its
// header says. INVALID_ARGUMENT where a text is longer than the record. Only for this directory.

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

Tcp ToTcp(const ht_tcp& raw);
Accept ToAccept(const ht_accept& raw);
SocketSnapshot ToSocketSnapshot(const ht_socket_snapshot& raw);
absl::Status ReadUnixConnect(absl::string_view record, UnixConnect* connect);
DatagramFlow ToDatagramFlow(const ht_datagram_flow& raw);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_SOCKET_BODIES_H_
