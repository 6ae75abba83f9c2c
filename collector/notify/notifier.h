#ifndef HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::notify {

// Sends incidents to a receiver outside: a pager, a file, a chat. Reads the store and keeps its
// position there, so that a restart neither loses nor repeats anything: the pager removes items
// from the outbox, and any other notifier reads the change feed and saves a cursor
// (store/outbox.h). An item that the receiver does not accept waits and is tried again without end.
// Runs on a thread of its own: a slow or dead receiver delays nothing else. A function of its
// directory creates it from the store and its part of the configuration. Every implementation
// passes the tests of collector/notify/conformance/. Its destructor stops it.
class Notifier {
 public:
  virtual ~Notifier() = default;

  // Starts the thread. Call once.
  virtual void Start() = 0;
  // Ends the thread. An item that is being sent is sent again after the next start.
  virtual void Stop() = 0;

  // Applies another configuration from the next delivery on. An error (INVALID_ARGUMENT, or that of
  // an unreadable file) changes nothing. Thread-safe.
  virtual absl::Status Reconfigure(const v1::CollectorConfig& config) = 0;
  // The configuration is the same, but its files may have been renamed or rotated. Thread-safe.
  virtual void Reopen() {}

  // One step of the thread: delivers what is due. False: nothing was due. For tests that do not
  // start the thread.
  virtual absl::StatusOr<bool> Deliver() = 0;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_
