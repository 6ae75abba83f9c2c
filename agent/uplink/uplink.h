#ifndef HOPTRAIL_AGENT_UPLINK_UPLINK_H_
#define HOPTRAIL_AGENT_UPLINK_UPLINK_H_

#include <functional>
#include <memory>
#include <optional>
#include <set>
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
#include "core/base/mutex.h"
#include "core/base/steady_time.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::uplink {

// Carries the spool to the collector over one bidirectional stream, and what the collector knows
// of this host's sessions back. Connects again whenever the stream ends, reading the certificates
// anew each time, and goes on after what the collector has. A reason for failing is logged when it
// changes, not at each attempt. Records of an earlier boot go first, on a stream of their own.
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
    // Called on the uplink's reading thread; must not wait.
    std::function<void(model::Provenance)> on_provenance;
    // A stream of this boot is open, and the collector has everything up to `acknowledged`; `lost`:
    // it has acknowledged more on an earlier one. Called on the uplink's thread; must not wait.
    std::function<void(uint64_t acknowledged, bool lost)> on_connected;
    // Another agent speaks for `host`: the collector wants this one to go on as that other host.
    // The spool is prepared for it and keeps nothing more; the uplink waits for its end. Called on
    // the uplink's thread; must not wait.
    std::function<void(const model::HostId&)> on_assumed;
    // How often to give a sign of life while there is nothing to send; asked for each time, on the
    // uplink's thread. None are given where empty. Should it become oftener, poke the spool.
    std::function<absl::Duration()> heartbeat_every;
  };

  explicit Uplink(Options options);
  // The agent ends because it was asked to: the collector is to be told so, and by whom, after all
  // that was spooled before.
  void SayGoodbye(const model::Goodbye& goodbye);
  // For the streams to come; what is sent meanwhile tells it too.
  void SetHostName(const std::string& name);
  // Whether a stream is open and the collector has said welcome. Thread-safe.
  bool connected() const { return connected_; }
  // Gives what is spooled up to a second to be acknowledged where a stream is open, and ends it.
  ~Uplink();

 private:
  void Run();
  // Opens a stream for one host, serves it until it ends, and says why.
  absl::Status Serve();
  absl::Status ServeWelcomed(const model::HostId& host, const Connection::Welcome& welcome,
                             Connection& connection);
  // Another agent speaks for `host`.
  absl::Status Yield(const model::HostId& host, const Connection::Welcome& welcome);
  // Makes it durable, if the disk takes it, and has the last durable one answered.
  void Remember(const model::HostId& host, const model::Incarnation& incarnation);
  absl::Status Save(const model::Incarnation& incarnation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Answers what was asked; false once the stream has ended.
  bool Answer(Connection& connection);
  // Of an earlier boot there is nothing more to say; of this one only if it was asked to end.
  std::optional<model::Goodbye> GoodbyeFor(bool present);
  absl::Status RefreshReader();
  absl::StatusOr<model::HostId> ChooseHost();
  // On disk and in memory.
  absl::StatusOr<spool::SpoolReader::Range> Spooled(const model::HostId& host);
  // What follows `after`, from the disk or else from memory; empty where nothing does.
  absl::StatusOr<v1::Batch> NextBatch(const model::HostId& host, uint64_t after);
  // Reports damage that only a reader sees to the spool, and opens it anew the next time.
  absl::Status ReaderFailed(const absl::Status& status);
  v1::Hello HelloFor(const model::HostId& host, spool::SpoolReader::Range spooled);
  // Sends until nothing of an earlier boot is left or the uplink stops (true), or until the stream
  // ends (false: ask it why).
  absl::StatusOr<bool> SendAll(const model::HostId& host, uint64_t after, Connection& connection);
  absl::Duration UntilHeartbeat(SteadyTime last_write) const;
  void Report(const absl::Status& status);
  bool stopping() const { return stop_.HasBeenNotified(); }

  const Options options_;
  std::atomic<bool> connected_{false};
  Notification stop_;
  Notification done_;
  BackOff back_off_;
  std::optional<spool::SpoolReader> reader_;
  uint64_t reader_generation_ = 0;
  int reader_failures_ = 0;                // in a row
  std::set<model::HostId> refused_hosts_;  // earlier boots that the collector does not take
  std::string last_failure_;
  uint64_t acknowledged_ = 0;  // of this boot, when its last stream ended

  bool assumed_ = false;  // another run goes on as another host

  Mutex mutex_;
  model::Incarnation durable_ ABSL_GUARDED_BY(mutex_);
  std::optional<model::Incarnation> answer_ ABSL_GUARDED_BY(mutex_);
  Connection* current_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::optional<model::Goodbye> goodbye_ ABSL_GUARDED_BY(mutex_);
  std::string host_name_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_UPLINK_H_
