// A sensor that opens while the host is busy, as after a restart: each process and connection that
// exists is in an event or in the snapshot, and under one key.

#include <signal.h>
#include <unistd.h>

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <sys/socket.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::decode::Exit;
using agent::decode::Fork;
using agent::decode::ProcessSnapshot;
using agent::decode::SocketSnapshot;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;
using ExecEvent = agent::decode::Exec;

// How many processes and connections the worker has made.
struct Busy {
  int processes = 0;
  int connections = 0;
};

// Starts processes and makes connections, and keeps them, until it reads a byte from `stop`; then
// writes their numbers to `report` and waits for another byte before it ends them.
int Work(int stop, int report, int listener, uint16_t port) {
  std::vector<pid_t> children;
  std::vector<UniqueFd> sockets;
  Busy done;
  char byte;
  while (recv(stop, &byte, 1, MSG_DONTWAIT) < 0 && done.processes < 400) {
    const pid_t pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
    children.push_back(pid);
    ++done.processes;
    UniqueFd client = Connect("127.0.0.1", port);
    UniqueFd server(accept(listener, nullptr, nullptr));
    if (!client.valid() || !WriteAll(server.get(), 1)) return 1;
    sockets.push_back(std::move(client));
    sockets.push_back(std::move(server));
    ++done.connections;
    usleep(500);
  }
  if (write(report, &done, sizeof(done)) != sizeof(done)) return 2;
  if (read(stop, &byte, 1) != 1) return 3;
  for (pid_t pid : children) kill(pid, SIGKILL);
  for (pid_t pid : children) waitpid(pid, nullptr, 0);
  return 0;
}

TEST(RestartCasesTest, RestartOnABusyHost_MissesNothing) {
  int stop[2], report[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, stop), 0);
  ASSERT_EQ(pipe(report), 0);
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  auto first = std::make_unique<Recorder>(agent::kernel::SensorOptions(), SensorAge::kFresh);
  Child worker([&] { return Work(stop[1], report[1], listener.get(), port); });
  const auto worker_pid = static_cast<uint32_t>(worker.pid());
  first->WaitForBody<Tcp>("work", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kEstablished && tcp.flow.server.port == port;
  });
  first.reset();
  usleep(20'000);  // without a sensor
  Recorder second({}, SensorAge::kFresh);
  second.Snapshot();
  ASSERT_EQ(write(stop[0], "s", 1), 1);
  Busy done;
  ASSERT_EQ(read(report[0], &done, sizeof(done)), ssize_t{sizeof(done)});
  second.Settle();

  std::set<model::ProcessKey> known;
  std::map<uint32_t, std::set<model::ProcessKey>> by_pid;
  for (const auto& [event, fork] : second.All<Fork>()) {
    if (event->header.process.tgid == worker_pid) known.insert(fork->child);
  }
  for (const auto& [event, snapshot] : second.All<ProcessSnapshot>()) {
    if (event->header.parent.tgid == worker_pid) known.insert(event->header.process);
  }
  EXPECT_EQ(known.size(), static_cast<size_t>(done.processes));
  for (const model::ProcessKey& key : known) by_pid[key.tgid].insert(key);
  EXPECT_EQ(by_pid.size(), known.size()) << "a process was emitted under two keys";

  // By hop key; each must be known at both ends.
  std::map<model::HopKey, std::set<TcpSide>> connections;
  std::map<uint64_t, std::set<model::HopKey>> by_socket;
  for (const auto& [event, tcp] : second.All<Tcp>()) {
    if (tcp->phase != TcpPhase::kEstablished) continue;
    connections[tcp->hop_key].insert(tcp->side);
    by_socket[tcp->socket].insert(tcp->hop_key);
  }
  for (const auto& [event, socket] : second.All<SocketSnapshot>()) {
    if (socket->listening) continue;
    connections[socket->hop_key].insert(socket->side);
    by_socket[socket->socket].insert(socket->hop_key);
  }
  EXPECT_EQ(connections.size(), static_cast<size_t>(done.connections));
  for (const auto& [key, sides] : connections) EXPECT_EQ(sides.size(), 2u);
  for (const auto& [socket, keys] : by_socket) EXPECT_EQ(keys.size(), 1u);

  ASSERT_EQ(write(stop[0], "e", 1), 1);
  EXPECT_EQ(worker.Wait(), 0);
  second.Settle();
  std::set<model::ProcessKey> ended;
  for (const auto& [event, exit] : second.All<Exit>()) ended.insert(event->header.process);
  for (const model::ProcessKey& key : known) EXPECT_EQ(ended.count(key), 1u);
  std::map<model::HopKey, int> closed;
  for (const auto& [event, tcp] : second.All<Tcp>()) {
    if (tcp->phase != TcpPhase::kClosed) continue;
    ++closed[tcp->hop_key];
    EXPECT_EQ(event->header.process.tgid, worker_pid);
  }
  EXPECT_EQ(closed.size(), connections.size());
  for (const auto& [key, times] : closed) EXPECT_EQ(times, 2) << "once for each end";
  for (const auto& loss : second.sensor()->ReadLosses()) {
    ADD_FAILURE() << loss.count << " lost: " << loss.where << " " << loss.type;
  }
  for (int fd : {stop[0], stop[1], report[0], report[1]}) close(fd);
}

// A program older than the sensor: has a connection and a listening socket, and uses both once it
// has read a byte.
int Older(const std::vector<std::string>& arguments) {
  const auto port = static_cast<uint16_t>(std::stoi(arguments.at(0)));
  const UniqueFd client = Connect("127.0.0.1", port);
  uint16_t own_port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &own_port);
  if (write(STDOUT_FILENO, &own_port, sizeof(own_port)) != sizeof(own_port)) return 1;
  char byte;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 2;
  const UniqueFd server(accept(listener.get(), nullptr, nullptr));
  return WriteAll(server.get(), 1) && WriteAll(client.get(), 1) ? 0 : 3;
}

const SelfPrograms programs({{"older", Older}});

TEST(RestartCasesTest, ProcessOlderThanTheSensor_OwnsItsSockets) {
  int in[2], out[2];
  ASSERT_EQ(pipe(in) + pipe(out), 0);
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  Child older([&] {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    return Exec(AsProgram("older", {std::to_string(port)}));
  });
  const auto pid = static_cast<uint32_t>(older.pid());
  UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
  uint16_t its_port = 0;
  ASSERT_EQ(read(out[0], &its_port, sizeof(its_port)), ssize_t{sizeof(its_port)});

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  std::vector<SocketSnapshot> sockets;
  for (const auto& [event, socket] : recorder.All<SocketSnapshot>()) {
    if (event->header.process.tgid != pid) continue;
    sockets.push_back(*socket);
    EXPECT_TRUE(IsProcess(event->header.process, static_cast<pid_t>(pid)));
  }
  // Its listening socket and its connection. The listener that it inherited was closed by its exec.
  ASSERT_EQ(sockets.size(), 2u);
  EXPECT_TRUE(sockets[0].listening);
  EXPECT_EQ(sockets[0].flow.server.port, its_port);
  EXPECT_EQ(sockets[1].side, TcpSide::kClient);
  EXPECT_EQ(sockets[1].flow.server.port, port);

  const UniqueFd client = Connect("127.0.0.1", its_port);
  ASSERT_EQ(write(in[1], "x", 1), 1);
  EXPECT_EQ(older.Wait(), 0);
  accepted.reset();
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const auto& body) { return body.flow.server.port == its_port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid);
  const Event* end = recorder.WaitForBody<Tcp>("the end", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kClosed && tcp.side == TcpSide::kClient &&
           tcp.flow.server.port == port;
  });
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->header.process.tgid, pid);
  EXPECT_EQ(std::get<Tcp>(end->body).hop_key, sockets[1].hop_key);
  for (int fd : {in[0], in[1], out[0], out[1]}) close(fd);
}

// The connection waits in the listener's queue while no sensor is open. No process holds it yet, so
// the snapshot does not find it.
TEST(RestartCasesTest, ConnectionQueuedBeforeTheSensor_IsCreditedWhenAccepted) {
  Recorder before;
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  UniqueFd client = Connect("127.0.0.1", port);
  ASSERT_TRUE(WriteAll(client.get(), 10));
  const Event* made = before.WaitForBody<Tcp>("established", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kEstablished && tcp.flow.server.port == port;
  });
  ASSERT_NE(made, nullptr);
  const model::HopKey key = std::get<Tcp>(made->body).hop_key;

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  Child server([&] {
    const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
    return ReadAll(accepted.get(), 10) && WriteAll(accepted.get(), 1) ? 0 : 1;
  });
  const auto pid = static_cast<uint32_t>(server.pid());
  EXPECT_EQ(server.Wait(), 0);
  client.reset();
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid);
  EXPECT_EQ(std::get<Accept>(accept->body).hop_key, key);
  const Event* end = recorder.WaitForBody<Tcp>("the end", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kClosed && tcp.side == TcpSide::kServer &&
           tcp.flow.server.port == port;
  });
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->header.process.tgid, pid);
  EXPECT_EQ(std::get<Tcp>(end->body).hop_key, key);
}

}  // namespace
}  // namespace hoptrail::kernel_test
