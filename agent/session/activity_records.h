#ifndef HOPTRAIL_AGENT_SESSION_ACTIVITY_RECORDS_H_
#define HOPTRAIL_AGENT_SESSION_ACTIVITY_RECORDS_H_

// Which record of the kernel side becomes which kind of enriched event. Pure.

#include <cstdint>

#include "agent/decode/event.h"
#include "agent/session/activity.h"

namespace hoptrail::agent::session {

// The kind of the enriched event that a record becomes.
Activity ActivityOf(const decode::Event& event);

// The types of records that can become an event of one of `interests`: bit i stands for the type
// with index i in decode::Event::body.
uint64_t RecordsOf(Interests interests);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_ACTIVITY_RECORDS_H_
