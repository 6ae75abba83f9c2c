// The snapshot: processes and sockets that are older than the sensor.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::ProcessSnapshot;
using agent::decode::SnapshotDone;
using agent::decode::SocketSnapshot;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;
using ::testing::ElementsAre;

TEST(SnapshotTest, RunningProcess_IsInTheSnapshot) {
  // It must have executed its program before the snapshot, not just be forked.
  int ends[2];
  ASSERT_EQ(pipe2(ends, 0), 0);
  Child child([&] {
    if (chdir("/usr") != 0) return 1;
    dup2(ends[0], 0);
    close(ends[1]);
    return Exec({"/bin/cat", "-", ""});
  });
  close(ends[0]);
  const std::string executable = "/proc/" + std::to_string(child.pid()) + "/exe";
  std::error_code error;
  while (std::filesystem::read_symlink(executable, error).filename() != "cat") usleep(1000);

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  const auto processes = recorder.All<ProcessSnapshot>();
  const auto found = std::find_if(processes.begin(), processes.end(), [&](const auto& row) {
    return row.first->header.process.tgid == static_cast<uint32_t>(child.pid());
  });
  ASSERT_NE(found, processes.end());
  const auto& [event, process] = *found;
  EXPECT_TRUE(IsProcess(event->header.process, child.pid()));
  EXPECT_TRUE(IsProcess(event->header.parent, getpid()));
  EXPECT_TRUE(event->header.tag.empty());
  struct stat file;
  ASSERT_EQ(stat("/bin/cat", &file), 0);
  EXPECT_EQ(process->image.path, std::filesystem::canonical("/bin/cat"));
  EXPECT_THAT(process->image.arguments, ElementsAre("/bin/cat", "-", ""));
  EXPECT_EQ(process->image.working_directory, "/usr");
  EXPECT_EQ(process->image.device, file.st_dev);
  EXPECT_EQ(process->image.inode, file.st_ino);
  EXPECT_EQ(process->streams[0].kind, agent::decode::StreamKind::kPipe);
  ASSERT_FALSE(recorder.events().empty());
  EXPECT_TRUE(std::holds_alternative<SnapshotDone>(recorder.events().back().body));
  EXPECT_EQ(recorder.All<SnapshotDone>().size(), 1u);
  close(ends[1]);
}

// The first thread of a process may end before the others; its task then has no program and no
// files.
TEST(SnapshotTest, ProcessWhoseFirstThreadHasEnded_IsInTheSnapshot) {
  const auto pair = std::make_unique<TcpPair>(ConnectedPair("127.0.0.1"));
  Child child([] {
    std::thread([] {
      while (true) pause();
    }).detach();
    return static_cast<int>(syscall(SYS_exit, 0));  // this thread's end alone
  });
  const std::string stat = "/proc/" + std::to_string(child.pid()) + "/stat";
  const auto first_thread_has_ended = [&] {
    std::ifstream file(stat);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return text.find(") Z ") != std::string::npos;
  };
  while (!first_thread_has_ended()) usleep(1000);

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  const auto is_child = [&](const auto& row) {
    return row.first->header.process.tgid == static_cast<uint32_t>(child.pid());
  };
  const auto processes = recorder.All<ProcessSnapshot>();
  const auto found = std::find_if(processes.begin(), processes.end(), is_child);
  ASSERT_EQ(std::count_if(processes.begin(), processes.end(), is_child), 1);
  const auto sockets = recorder.All<SocketSnapshot>();
  EXPECT_NE(std::find_if(sockets.begin(), sockets.end(), is_child), sockets.end());
  EXPECT_TRUE(IsProcess(found->first->header.process, child.pid()));
  EXPECT_TRUE(IsProcess(found->first->header.parent, getpid()));
  EXPECT_EQ(found->second->image.path, std::filesystem::canonical("/proc/self/exe"));
  kill(child.pid(), SIGKILL);
}

TEST(SnapshotTest, ProcessThatHasEnded_IsNotInTheSnapshot) {
  Child child([] { return 0; });
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  bool own_process = false;
  for (const auto& [event, process] : recorder.All<ProcessSnapshot>()) {
    EXPECT_NE(event->header.process.tgid, static_cast<uint32_t>(child.pid()));
    own_process |= event->header.process.tgid == static_cast<uint32_t>(getpid());
  }
  EXPECT_TRUE(own_process) << "the snapshot lacks the process that made it";
}

// The hop key in the record of the connection on `port`.
model::HopKey RecordedHopKey(Recorder* before, uint16_t port) {
  const Event* event = before->WaitForBody<Tcp>("established", [&](const Event&, const Tcp& tcp) {
    return tcp.phase == TcpPhase::kEstablished && tcp.flow.server.port == port;
  });
  return event == nullptr ? model::HopKey{} : std::get<Tcp>(event->body).hop_key;
}

const SocketSnapshot* FindSide(const Recorder& recorder, uint16_t port, TcpSide side,
                               bool listening) {
  for (const auto& [event, socket] : recorder.All<SocketSnapshot>()) {
    if (socket->flow.server.port == port && socket->side == side &&
        socket->listening == listening) {
      EXPECT_TRUE(IsProcess(event->header.process, getpid()));
      return socket;
    }
  }
  return nullptr;
}

// A sensor that was open before the connection, and one that opens now, must emit the same hop key:
// in the snapshot and when the connection ends.
void CheckSnapshotOf(Recorder* before, TcpPair pair) {
  const model::HopKey key = RecordedHopKey(before, pair.port);
  ASSERT_FALSE(key.empty());
  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  const SocketSnapshot* client = FindSide(recorder, pair.port, TcpSide::kClient, false);
  const SocketSnapshot* server = FindSide(recorder, pair.port, TcpSide::kServer, false);
  ASSERT_NE(client, nullptr);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(client->hop_key, key);
  EXPECT_EQ(server->hop_key, key);
  EXPECT_EQ(client->flow, server->flow);
  EXPECT_EQ(FindSide(recorder, pair.port, TcpSide::kServer, true) != nullptr,
            pair.listener.valid());

  pair.client.reset();
  pair.server.reset();
  for (TcpSide side : {TcpSide::kClient, TcpSide::kServer}) {
    const Event* end = recorder.WaitForBody<Tcp>("closed", [&](const Event&, const Tcp& tcp) {
      return tcp.phase == TcpPhase::kClosed && tcp.side == side &&
             tcp.flow.server.port == pair.port;
    });
    ASSERT_NE(end, nullptr);
    EXPECT_EQ(std::get<Tcp>(end->body).hop_key, key);
    EXPECT_TRUE(IsProcess(end->header.process, getpid()));
  }
}

TEST(SnapshotTest, IdleConnection_KeepsItsHopKey) {
  Recorder before;
  CheckSnapshotOf(&before, ConnectedPair("127.0.0.1"));
  CheckSnapshotOf(&before, ConnectedPair("::1"));
}

TEST(SnapshotTest, UsedConnection_KeepsItsHopKey) {
  Recorder before;
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.client.get(), 5000) && ReadAll(pair.server.get(), 4000));
  ASSERT_TRUE(WriteAll(pair.server.get(), 123));
  CheckSnapshotOf(&before, std::move(pair));
}

TEST(SnapshotTest, ConnectionWhoseListenerIsClosed_KeepsItsHopKey) {
  Recorder before;
  TcpPair pair = ConnectedPair("127.0.0.1");
  pair.listener.reset();
  CheckSnapshotOf(&before, std::move(pair));
}

TEST(SnapshotTest, HalfClosedConnection_KeepsItsHopKey) {
  Recorder before;
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.client.get(), 10));
  ASSERT_EQ(shutdown(pair.client.get(), SHUT_WR), 0);
  CheckSnapshotOf(&before, std::move(pair));
}

TEST(SnapshotTest, ConnectionWithUnreadData_KeepsItsHopKey) {
  Recorder before;
  TcpPair pair = ConnectedPair("127.0.0.1");
  // Until the receiver's window is closed and data waits unsent.
  const std::string chunk(65536, 'x');
  while (send(pair.client.get(), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
  }
  CheckSnapshotOf(&before, std::move(pair));
}

}  // namespace
}  // namespace hoptrail::kernel_test
