#ifndef HOPTRAIL_AGENT_DECODE_CLAIM_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_CLAIM_BODIES_H_

// Decodes the bodies of records with the claims of PAM and sshd. Only for this directory.

#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

Pam ToPam(const ht_pam& raw);
SshdMessage ToSshdMessage(const ht_sshd& raw);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_CLAIM_BODIES_H_
