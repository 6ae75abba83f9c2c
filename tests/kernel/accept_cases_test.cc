// Which process owns an accepted connection: that of the accepting thread, one that inherited the
// listening socket, or one to which another process sent the socket.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <sys/socket.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::decode::Fork;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;

// Accepts one connection, answers, and waits until the client closes.
bool Serve(int listener) {
  const UniqueFd connection(accept(listener, nullptr, nullptr));
  char more;
  return WriteAll(connection.get(), 1) && read(connection.get(), &more, 1) == 0;
}

TEST(AcceptCasesTest, AcceptInWorkerThreads_CreditsTheAcceptingThreads) {
  constexpr int kThreads = 4, kConnections = 5;
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  std::set<uint32_t> tids;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        tids.insert(static_cast<uint32_t>(syscall(SYS_gettid)));
      }
      for (int n = 0; n < kConnections; ++n) EXPECT_TRUE(Serve(listener.get()));
    });
  }
  for (int i = 0; i < kThreads * kConnections; ++i) {
    const UniqueFd client = Connect("127.0.0.1", port);
    EXPECT_TRUE(ReadAll(client.get(), 1));
  }
  for (std::thread& thread : threads) thread.join();
  recorder.Settle();
  const auto accepts = recorder.All<Accept>();
  EXPECT_EQ(accepts.size(), size_t{kThreads * kConnections});
  std::set<model::HopKey> keys;
  for (const auto& [event, accept] : accepts) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    EXPECT_EQ(tids.count(event->header.tid), 1u);
    EXPECT_FALSE(accept->handed_over);
    keys.insert(accept->hop_key);
  }
  EXPECT_EQ(keys.size(), accepts.size());
}

// The children share the listening socket of their parent, which never accepts itself.
TEST(AcceptCasesTest, AcceptOnAnInheritedListeningSocket_CreditsTheAcceptingChild) {
  Recorder recorder;
  uint16_t port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  Child first([&] { return Serve(listener.get()) ? 0 : 1; });
  Child second([&] { return Serve(listener.get()) ? 0 : 1; });
  listener.reset();
  const std::set<uint32_t> pids = {static_cast<uint32_t>(first.pid()),
                                   static_cast<uint32_t>(second.pid())};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(ReadAll(Connect("127.0.0.1", port).get(), 1));
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  recorder.Settle();
  std::set<uint32_t> accepted, closed;
  for (const auto& [event, accept] : recorder.All<Accept>()) {
    accepted.insert(event->header.process.tgid);
    // A listening process forked it, so it has a session tag of its own.
    EXPECT_EQ(event->header.tag, event->header.process);
  }
  for (const auto& [event, tcp] : recorder.All<Tcp>()) {
    if (tcp->phase == TcpPhase::kClosed && tcp->side == TcpSide::kServer) {
      closed.insert(event->header.process.tgid);
    }
  }
  EXPECT_EQ(accepted, pids);
  EXPECT_EQ(closed, pids);
}

// As under systemd: the program finds the listening socket at descriptor 3.
int Activated(const std::vector<std::string>&) {
  if (std::string(getenv("LISTEN_FDS") == nullptr ? "" : getenv("LISTEN_FDS")) != "1") return 2;
  return Serve(3) ? 0 : 1;
}

const SelfPrograms programs({{"activated", Activated}});

TEST(AcceptCasesTest, AcceptAfterSocketActivation_CreditsTheService) {
  Recorder recorder;
  uint16_t port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  const UniqueFd client = Connect("127.0.0.1", port);  // before the service is started
  Child service([&] {
    if (listener.get() == 3) {
      fcntl(3, F_SETFD, 0);
    } else {
      dup2(listener.get(), 3);
    }
    setenv("LISTEN_FDS", "1", 1);
    return Exec(AsProgram("activated"));
  });
  const auto pid = static_cast<uint32_t>(service.pid());
  ASSERT_TRUE(ReadAll(client.get(), 1));
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid);
  EXPECT_EQ(accept->header.command, "exe");
  EXPECT_FALSE(std::get<Accept>(accept->body).handed_over);
  shutdown(client.get(), SHUT_RDWR);
  EXPECT_EQ(service.Wait(), 0);
}

bool SendFd(int through, int fd) {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  return sendmsg(through, &message, 0) == 1;
}

UniqueFd ReceiveFd(int through) {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(through, &message, MSG_CMSG_CLOEXEC) != 1) return UniqueFd();
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return UniqueFd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof(int));
  return UniqueFd(fd);
}

// A process that is neither parent nor child of the test's other children. It receives a socket,
// uses it and closes it.
class Receiver {
 public:
  Receiver() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    child_ = std::make_unique<Child>([this] {
      close(ends_[0]);
      UniqueFd fd = ReceiveFd(ends_[1]);
      return WriteAll(fd.get(), 5) && ReadAll(fd.get(), 7) ? 0 : 1;
    });
    close(ends_[1]);
  }
  ~Receiver() { close(ends_[0]); }

  uint32_t pid() const { return static_cast<uint32_t>(child_->pid()); }
  bool Send(int fd) const { return SendFd(ends_[0], fd); }
  int Wait() { return child_->Wait(); }

 private:
  int ends_[2];
  std::unique_ptr<Child> child_;
};

void ExpectHandedOver(Recorder* recorder, TcpSide side, uint16_t port, uint32_t to) {
  const Event* event =
      recorder->WaitForBody<Accept>("the handover", [&](const Event&, const Accept& accept) {
        return accept.handed_over && accept.flow.server.port == port;
      });
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->header.process.tgid, to);
  const Accept accept = std::get<Accept>(event->body);
  EXPECT_EQ(accept.side, side);
  const Event* end = recorder->WaitForBody<Tcp>("the end", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kClosed && tcp.socket == accept.socket;
  });
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->header.process.tgid, to);
  EXPECT_EQ(std::get<Tcp>(end->body).hop_key, accept.hop_key);
  EXPECT_FALSE(accept.hop_key.empty());
}

TEST(AcceptCasesTest, AcceptedSocketSentToAnotherProcess_CreditsTheReceiver) {
  Recorder recorder;
  Receiver receiver;
  const uint32_t pid = receiver.pid();
  uint16_t port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  Child acceptor([&] {
    const UniqueFd connection(accept(listener.get(), nullptr, nullptr));
    if (!WriteAll(connection.get(), 2)) return 1;  // so that it uses the socket first
    return receiver.Send(connection.get()) ? 0 : 1;
  });
  const auto acceptor_pid = static_cast<uint32_t>(acceptor.pid());
  listener.reset();
  UniqueFd client = Connect("127.0.0.1", port);
  ASSERT_TRUE(ReadAll(client.get(), 2 + 5) && WriteAll(client.get(), 7));
  EXPECT_EQ(acceptor.Wait(), 0);
  EXPECT_EQ(receiver.Wait(), 0);
  client.reset();
  const Event* first = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->header.process.tgid, acceptor_pid);
  EXPECT_FALSE(std::get<Accept>(first->body).handed_over);
  ExpectHandedOver(&recorder, TcpSide::kServer, port, pid);
}

// ssh's ProxyUseFdpass does this.
TEST(AcceptCasesTest, ConnectedSocketSentToAnotherProcess_CreditsTheReceiver) {
  Recorder recorder;
  Receiver receiver;
  const uint32_t pid = receiver.pid();
  uint16_t port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  Child connector([&] {
    const UniqueFd connection = Connect("127.0.0.1", port);
    return receiver.Send(connection.get()) ? 0 : 1;
  });
  const UniqueFd server(accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(connector.Wait(), 0);
  ASSERT_TRUE(ReadAll(server.get(), 5) && WriteAll(server.get(), 7));
  EXPECT_EQ(receiver.Wait(), 0);
  ExpectHandedOver(&recorder, TcpSide::kClient, port, pid);
}

// The process that accepts on it is reported. Its children get session tags of their own from the
// handover on where a hook sees that, and otherwise from its first accept.
TEST(AcceptCasesTest, ListeningSocketSentToAnotherProcess_CreditsTheAcceptingReceiver) {
  Recorder recorder;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Child server([&] {
    const UniqueFd listener = ReceiveFd(ends[1]);
    return Serve(listener.get()) ? 0 : 1;
  });
  const auto pid = static_cast<uint32_t>(server.pid());
  uint16_t port = 0;
  Child owner([&] {
    const UniqueFd listener = Listen("127.0.0.1", &port);
    const UniqueFd report(ends[0]);
    return SendFd(ends[0], listener.get()) ? 0 : 1;
  });
  EXPECT_EQ(owner.Wait(), 0);
  const Event* listening = recorder.WaitForBody<Tcp>(
      "listen", [](const Event&, const Tcp& tcp) { return tcp.phase == TcpPhase::kListen; });
  ASSERT_NE(listening, nullptr);
  port = std::get<Tcp>(listening->body).flow.server.port;
  ASSERT_TRUE(ReadAll(Connect("127.0.0.1", port).get(), 1));
  EXPECT_EQ(server.Wait(), 0);
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid);
  if (recorder.CoverageOf("socket handover").hook.find("security_file_receive") !=
      std::string::npos) {
    EXPECT_NE(recorder.WaitForBody<Tcp>("listen again",
                                        [&](const Event& event, const Tcp& tcp) {
                                          return tcp.phase == TcpPhase::kListen &&
                                                 event.header.process.tgid == pid;
                                        }),
              nullptr);
  }
  close(ends[0]);
  close(ends[1]);
}

// Processes that share a socket and use it by turns do not cause a record at every turn.
TEST(AcceptCasesTest, SharedSocketUsedByTurns_EmitsABoundedNumberOfAccepts) {
  Recorder recorder;
  TcpPair pair = ConnectedPair("127.0.0.1");
  constexpr int kTurns = 200;
  for (int i = 0; i < kTurns; ++i) {
    ASSERT_TRUE(WriteAll(pair.server.get(), 1) && ReadAll(pair.client.get(), 1));
    if (i % 10 != 0) continue;
    Child intermediary([&] {
      Child user([&] { return WriteAll(pair.server.get(), 1) ? 0 : 1; });
      return user.Wait();
    });
    EXPECT_EQ(intermediary.Wait(), 0);
    ASSERT_TRUE(ReadAll(pair.client.get(), 1));
  }
  recorder.Settle();
  EXPECT_LE(recorder.All<Accept>().size(), 1u + 8u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
