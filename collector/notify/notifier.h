#ifndef HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::notify {

// Brings incidents to the world outside: a pager, a file, a chat. It reads the store and keeps its
// place there (the outbox, or a cursor), so that it goes on after a restart without leaving
// anything out and without saying anything twice; what is not accepted waits and is tried again for
// as long as it takes. It has a thread of its own: a receiver that is slow or dead holds up nothing
// else. It is created by a function of its directory, from the store and its part of the
// configuration. Every implementation passes collector/notify/conformance/. Destroying one stops
// it.
class Notifier {
 public:
  virtual ~Notifier() = default;

  // Once.
  virtual void Start() = 0;
  // Gives up what is under way; it is delivered after the next start.
  virtual void Stop() = 0;

  // Another configuration, from the next delivery on. INVALID_ARGUMENT, or why a file cannot be
  // read: everything stays as it was. Thread-safe.
  virtual absl::Status Reconfigure(const v1::CollectorConfig& config) = 0;
  // The configuration is the same, but its files may have been renamed or rotated. Thread-safe.
  virtual void Reopen() {}

  // One step of what the thread does: delivers what is due. False: nothing was. For tests, without
  // the thread.
  virtual absl::StatusOr<bool> Deliver() = 0;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_NOTIFIER_H_
