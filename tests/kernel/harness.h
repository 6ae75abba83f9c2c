#ifndef HOPTRAIL_TESTS_KERNEL_HARNESS_H_
#define HOPTRAIL_TESTS_KERNEL_HARNESS_H_

// For tests that load the sensor's programs on the running kernel. Each test program moves into a
// network namespace of its own before its first test, and its sensors watch only that one, so
// that they see nothing else on the machine. Waits are bounded; nothing is asserted about time.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "agent/decode/event.h"
#include "agent/kernel/sensor.h"
#include "core/base/unique_fd.h"
#include "core/model/ids.h"
#include <sys/types.h>

namespace hoptrail::kernel_test {

using agent::decode::Event;

// Whether a test may use the sensor of the test before. To load a sensor takes longer than most
// tests do, much longer under emulation. A test needs a fresh one if it is about what is older than
// the sensor, or about what the sensor has lost since it was opened. In a program of
// `shared_sensor` (CMakeLists.txt) such a test belongs to a suite `...FreshSensorTest`.
enum class SensorAge { kAny, kFresh };

// An open sensor and every event that it has emitted since the test began to record.
class Recorder {
 public:
  // Watches the test's own network namespace. Fails the test, and records nothing, if it cannot.
  // SensorAge::kAny takes the sensor that the test before has left open if its options are the same
  // and that test has not failed, and leaves its own sensor open; kFresh does neither. On kernels
  // that may preempt programs, kAny attaches TCP's fallback program from the start
  // (docs/decisions/0010-recursion-misses.md).
  explicit Recorder(agent::kernel::SensorOptions options = {}, SensorAge age = SensorAge::kAny);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  agent::kernel::Sensor* sensor() { return sensor_.get(); }
  const std::vector<Event>& events() const { return events_; }

  // Records of a type ("exec") that the sensor counts as lost since the test began to record; of a
  // new sensor since it was opened. Recursion misses are counted for the whole machine, so some may
  // come from other programs' activity.
  uint64_t Lost(const std::string& type) const;

  // The row of an event source in the coverage report, which must have one.
  model::SourceCoverage CoverageOf(const std::string& source) const;

  // Appends the snapshot's records.
  void Snapshot();

  // Reads until an event matches, for at most a minute; nullptr, and a failure that says
  // `what`, if none does. The event stays valid until the next call.
  const Event* WaitFor(const std::string& what, const std::function<bool(const Event&)>& matches);

  // The same for events with a body of type Body.
  template <typename Body>
  const Event* WaitForBody(const std::string& what,
                           const std::function<bool(const Event&, const Body&)>& matches) {
    return WaitFor(what, [&](const Event& event) {
      const Body* body = std::get_if<Body>(&event.body);
      return body != nullptr && matches(event, *body);
    });
  }

  // Reads until everything that has happened before this call is recorded: forks a child and waits
  // for the record of its exit, and forks another one if that record found no room in the ring.
  void Settle();

  // All events so far with a body of type Body.
  template <typename Body>
  std::vector<std::pair<const Event*, const Body*>> All() const {
    std::vector<std::pair<const Event*, const Body*>> found;
    for (const Event& event : events_) {
      if (const Body* body = std::get_if<Body>(&event.body)) found.emplace_back(&event, body);
    }
    return found;
  }

 private:
  void Receive(const void* data, size_t size);
  void PollOnce();

  agent::kernel::SensorOptions options_;
  const SensorAge age_;
  std::unique_ptr<agent::kernel::Sensor> sensor_;
  std::vector<Event> events_;
  std::map<std::string, uint64_t> lost_before_;  // by the tests before, by type
};

// The tiers that HOPTRAIL_FORCE_TIERS forces ("accept=2,pam=1"; unset or empty: none). A Recorder
// forces them unless its options force others.
agent::kernel::ForcedTiers ForcedTiersOfEnvironment();

// How many times to repeat a race, or how many packets or seconds a flood takes: `all`, or `all`
// divided by HOPTRAIL_ONE_ROUND_IN, which is set where the machine is slow.
int Rounds(int all);

// Whether the running kernel's series is this one or a later one. Only for changes of the kernel
// that nothing else shows: a test that asserts less on some kernels says so by this function, and
// asserts what holds there instead.
bool KernelIsAtLeast(int major, int minor);

// The inode number of the calling process's network namespace.
uint32_t NetworkNamespace();

// Moves the calling process into a new network namespace with a working loopback interface.
// False if that fails.
bool EnterNewNetworkNamespace();

// A forked child that runs `body` and exits with its result. The destructor waits for it.
class Child {
 public:
  explicit Child(const std::function<int()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Returns the status as in wait(2).
  int Wait();

 private:
  pid_t pid_ = -1;
};

// Replaces the calling process; returns 127 if that fails.
int Exec(const std::vector<std::string>& arguments);

// Whether `key` is that of the running process `pid`. Compares the start time at the precision of
// /proc: one clock tick.
bool IsProcess(const model::ProcessKey& key, pid_t pid);

struct TcpPair {
  UniqueFd listener;
  UniqueFd client;
  UniqueFd server;
  uint16_t port = 0;
};

// A listening socket on a loopback address of `text` ("127.0.0.1", "::1", "::ffff:127.0.0.1"), and
// its port.
UniqueFd Listen(const std::string& text, uint16_t* port);
UniqueFd Connect(const std::string& text, uint16_t port);
// All three in the calling process.
TcpPair ConnectedPair(const std::string& text);

bool WriteAll(int fd, size_t bytes);
bool ReadAll(int fd, size_t bytes);

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_HARNESS_H_
