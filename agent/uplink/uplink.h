#ifndef HOPTRAIL_AGENT_UPLINK_UPLINK_H_
#define HOPTRAIL_AGENT_UPLINK_UPLINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/spool/spool.h"
#include "agent/spool/spool_reader.h"
#include "agent/uplink/back_off.h"
#include "agent/uplink/connection.h"
#include "agent/uplink/identity.h"
#include "agent/uplink/record_source.h"
#include "core/base/mutex.h"
#include "core/model/agent_run.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::uplink {

// Sends the spool's records to the collector over one bidirectional stream, and receives what the
// collector knows about this host's sessions. Connects again whenever the stream ends, reading the
// certificates again each time, and continues after the records that the collector has. Logs the
// reason of a failure when it changes, not at each attempt. Records of an earlier boot go first, on
// a stream of their own.
//
// One thread of its own (and, while connected, a second that reads). The spool must outlive it.
class Uplink {
 public:
  struct Options {
    v1::CollectorAddress collector;
    model::HostId host;
    std::string host_name;
    std::string agent_version;
    spool::Spool* spool = nullptr;
    model::PreviousEnd previous_end = model::PreviousEnd::kUnknown;
    // Called on the uplink's reading thread; must not block.
    std::function<void(model::Provenance)> on_provenance;
    // The same; for an end of a connection that the collector wants.
    std::function<void(const model::HopKey&)> on_end_request;
    // A stream of this boot is open, and the collector has everything up to `acknowledged`; `lost`:
    // it acknowledged more on an earlier one. Called on the uplink's thread; must not block.
    std::function<void(uint64_t acknowledged, bool lost)> on_connected;
    // Another agent speaks for `host`: the collector wants this one to continue as the given host.
    // The spool is prepared for that and keeps nothing more; the uplink waits for its end. Called
    // on the uplink's thread; must not block.
    std::function<void(const model::HostId&)> on_assumed;
    // The interval of heartbeats while there is nothing to send, infinite: none at present. Called
    // before each wait, on the uplink's thread. No heartbeats where empty. Call the spool's Wake()
    // when the interval becomes shorter.
    std::function<absl::Duration()> heartbeat_every;
  };

  explicit Uplink(Options options);
  // The agent ends because it was asked to: the collector gets this, after all records before it.
  // Thread-safe.
  void SetGoodbye(const model::Goodbye& goodbye);
  // For the Hello of later streams. Thread-safe.
  void SetHostName(const std::string& name);
  // Whether a stream is open and the collector has sent its Welcome. Thread-safe.
  bool connected() const { return connected_; }
  // Gives the collector up to a second to acknowledge what is spooled where a stream is open, and
  // ends the stream.
  ~Uplink();

 private:
  void Run();
  // Opens a stream for one host, serves it until it ends, and returns the reason.
  absl::Status Serve();
  absl::Status ServeWelcomed(const model::HostId& host, const Connection::Welcome& welcome,
                             Connection& connection);
  // Another agent speaks for `host`.
  absl::Status Yield(const model::HostId& host, const Connection::Welcome& welcome);
  // For an earlier boot always the same one; for the present boot only where the agent was asked to
  // end.
  std::optional<model::Goodbye> GoodbyeFor(bool present);
  v1::Hello HelloFor(const model::HostId& host, spool::SpoolReader::Range spooled);
  void LogFailure(const absl::Status& status);
  bool stopping() const { return stop_.HasBeenNotified(); }

  const Options options_;
  std::atomic<bool> connected_{false};
  Notification stop_;
  Notification done_;
  BackOff back_off_;
  RecordSource source_;
  Identity identity_;
  std::string last_failure_;
  uint64_t acknowledged_ = 0;  // of this boot, when its last stream ended
  bool assumed_ = false;       // another run continues as another host

  Mutex mutex_;
  Connection* current_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::optional<model::Goodbye> goodbye_ ABSL_GUARDED_BY(mutex_);
  std::string host_name_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_UPLINK_H_
