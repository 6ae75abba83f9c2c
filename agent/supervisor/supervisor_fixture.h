#ifndef HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_FIXTURE_H_
#define HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_FIXTURE_H_

// For tests: a supervisor in a process of its own, whose loader and workers follow the test's
// orders.

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <gtest/gtest.h>

#include "agent/config/settings.h"
#include "agent/loader/handover.h"
#include "agent/privilege/channel.h"
#include "agent/supervisor/supervisor.h"
#include "core/base/unique_fd.h"
#include "core/model/ids.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {

class SupervisedAgent {
 public:
  using Channel = privilege::Channel;
  using Message = privilege::Message;
  using MessageKind = privilege::MessageKind;

  static constexpr absl::Duration kWithin = absl::Seconds(30);

  // A loader or a worker that has started. The test gets all messages that it receives from the
  // supervisor.
  struct Child {
    pid_t pid = 0;
    std::string text;  // a worker's host and how the last one ended: "HOST|END"
  };

  // `notify_socket`: of a service manager.
  SupervisedAgent(const Settings& settings, const std::string& notify_socket) {
    auto loader = Channel::Pair();
    auto worker = Channel::Pair();
    EXPECT_TRUE(loader.ok() && worker.ok());
    loader_ = std::move(loader->first);
    worker_ = std::move(worker->first);
    pid_ = ::fork();
    if (pid_ != 0) return;
    loader_ = Channel(UniqueFd());
    worker_ = Channel(UniqueFd());
    ::setenv("NOTIFY_SOCKET", notify_socket.c_str(), 1);
    const Channel& loader_test = loader->second;
    const Channel& worker_test = worker->second;
    ChildMains mains;
    mains.loader = [&](const Settings&, const Channel& supervisor, pid_t) -> int {
      const UniqueFd map(::memfd_create("map", MFD_CLOEXEC));
      const auto coverage = loader::CoverageFile({});
      if (!coverage.ok()) ::_exit(kBroken);
      const kernel::Handles handles{.high_ring = {map.get(), 4096},
                                    .low_ring = {map.get(), 4096},
                                    .losses_fd = map.get(),
                                    .cpus = 1};
      if (!loader::SendHandover(supervisor, handles, *coverage).ok()) ::_exit(kBroken);
      Obey(supervisor, loader_test, "");
    };
    mains.worker = [&](const Settings&, const WorkerArguments& arguments) -> int {
      Obey(arguments.supervisor, worker_test,
           model::ToString(arguments.host) + "|" + arguments.last_end);
    };
    ::_exit(Supervise(settings, mains));
  }

  ~SupervisedAgent() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  SupervisedAgent(const SupervisedAgent&) = delete;
  SupervisedAgent& operator=(const SupervisedAgent&) = delete;

  pid_t pid() const { return pid_; }

  // Waits for the start of a child, which says so first.
  Child LoaderStart() { return StartOn(loader_); }
  Child WorkerStart() { return StartOn(worker_); }
  // The next message from the supervisor to the child. DEADLINE_EXCEEDED where none comes.
  absl::StatusOr<Message> ToLoader(absl::Duration within = kWithin) {
    return loader_.Receive(within);
  }
  absl::StatusOr<Message> ToWorker(absl::Duration within = kWithin) {
    return worker_.Receive(within);
  }
  // Has the worker send a message to the supervisor.
  void FromWorker(MessageKind kind, const std::string& text = "") {
    EXPECT_TRUE(worker_.Send(kind, 0, 0, text).ok());
  }
  // Has it send bytes that are no message.
  void GarbageFromWorker() { EXPECT_TRUE(worker_.Send(kGarbage, 0).ok()); }
  // Has the child exit with that status.
  void EndLoader(int status) { End(loader_, status); }
  void EndWorker(int status) { End(worker_, status); }

  // Waits for the supervisor's end. Returns its exit status, or -1.
  int Wait() {
    int status = -1;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  static constexpr MessageKind kGarbage = MessageKind::kInterference;  // in the test's orders
  static constexpr int kBroken = 70;     // the child cannot do what it should
  static constexpr int kAbandoned = 71;  // its supervisor has ended

  static void End(const Channel& child, int status) {
    EXPECT_TRUE(child.Send(MessageKind::kStop, static_cast<uint32_t>(status)).ok());
  }

  static Child StartOn(const Channel& child) {
    const absl::StatusOr<Message> message = child.Receive(kWithin);
    EXPECT_TRUE(message.ok()) << message.status();
    if (!message.ok()) return {};
    EXPECT_EQ(message->kind, MessageKind::kStarted);
    return {static_cast<pid_t>(message->number), message->text};
  }

  // In a child: passes the supervisor's messages to the test and the test's to the supervisor.
  [[noreturn]] static void Obey(const Channel& supervisor, const Channel& test,
                                const std::string& text) {
    const auto pid = static_cast<uint32_t>(::getpid());
    if (!test.Send(MessageKind::kStarted, pid, 0, text).ok()) ::_exit(kBroken);
    for (;;) {
      pollfd wakes[2] = {{.fd = supervisor.fd(), .events = POLLIN, .revents = 0},
                         {.fd = test.fd(), .events = POLLIN, .revents = 0}};
      if (::poll(wakes, 2, -1) < 0) continue;
      if (wakes[0].revents != 0) {
        const auto message = supervisor.Receive(absl::ZeroDuration());
        if (!message.ok()) ::_exit(kAbandoned);
        (void)test.Send(message->kind, message->number, message->serial, message->text);
      }
      if (wakes[1].revents != 0) {
        const auto message = test.Receive(absl::ZeroDuration());
        if (!message.ok()) ::_exit(kBroken);
        if (message->kind == MessageKind::kStop) ::_exit(static_cast<int>(message->number));
        if (message->kind == kGarbage) {
          (void)::send(supervisor.fd(), "?", 1, MSG_NOSIGNAL);
        } else {
          (void)supervisor.Send(message->kind, message->number, message->serial, message->text);
        }
      }
    }
  }

  pid_t pid_ = 0;
  Channel loader_{UniqueFd()};
  Channel worker_{UniqueFd()};
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_FIXTURE_H_
