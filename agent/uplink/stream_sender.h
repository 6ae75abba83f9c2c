#ifndef HOPTRAIL_AGENT_UPLINK_STREAM_SENDER_H_
#define HOPTRAIL_AGENT_UPLINK_STREAM_SENDER_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/spool/spool.h"
#include "agent/uplink/back_off.h"
#include "agent/uplink/connection.h"
#include "agent/uplink/identity.h"
#include "agent/uplink/record_source.h"
#include "agent/uplink/window.h"
#include "core/base/mutex.h"
#include "core/base/steady_time.h"
#include "core/model/ids.h"

namespace hoptrail::agent::uplink {

// Sends a host's records over one stream, in order and as far as the window allows; between them it
// answers the collector's question for the incarnation, and sends heartbeats. The uplink's thread.
class StreamSender {
 public:
  // How long a stop waits for acknowledgements.
  static constexpr absl::Duration kStopGrace = absl::Seconds(1);

  // All pointers outlive this.
  struct Options {
    model::HostId host;
    bool present = false;  // of the present boot, whose records keep coming
    spool::Spool* spool = nullptr;
    RecordSource* source = nullptr;
    Identity* identity = nullptr;
    BackOff* back_off = nullptr;         // reset once the stream is steady
    const Notification* stop = nullptr;  // the uplink stops
    // See Uplink::Options.
    std::function<absl::Duration()> heartbeat_every;
  };

  StreamSender(Options options, Connection* connection)
      : options_(std::move(options)), connection_(*connection) {}

  // Sends the records after `after`: until nothing of an earlier boot is left or the uplink stops
  // (true), or until the stream ends (false: the connection has the reason).
  absl::StatusOr<bool> Run(uint64_t after);

 private:
  enum class Sent { kBatch, kNothing, kStreamEnded };

  // False once the stream has ended.
  bool Answer();
  // Sends the next batch, if there is one and the window has room.
  absl::StatusOr<Sent> SendBatch();
  absl::Duration UntilHeartbeat() const;
  bool stopping() const { return options_.stop->HasBeenNotified(); }

  const Options options_;
  Connection& connection_;
  Window window_;
  SteadyTime last_write_;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_STREAM_SENDER_H_
