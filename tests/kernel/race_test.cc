// Records show what happened, also when another thread changes a system call's arguments in memory
// while the call runs: addresses, paths, program arguments. For paths of opens: open_race_test.cc.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/swapper.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;
using ExecEvent = agent::decode::Exec;

uint64_t EightBytes(const sockaddr_in& address) {
  uint64_t bytes;
  std::memcpy(&bytes, &address, sizeof(bytes));
  return bytes;
}

model::Endpoint EndpointOf(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return {*model::ParseIpAddress(text), ntohs(address.sin_port)};
}

// Family, port and address are the first eight bytes of a sockaddr_in. One store changes all of
// them, so each call reaches one of two listeners.
TEST(RaceTest, AddressSwappedDuringConnect_EmitsTheConnectedAddress) {
  const int connections = Rounds(3000);
  Recorder recorder;
  uint16_t ports[2];
  const UniqueFd listeners[2] = {Listen("127.0.0.1", &ports[0]), Listen("127.0.0.2", &ports[1])};
  sockaddr_in targets[2] = {};
  for (int i = 0; i < 2; ++i) {
    targets[i].sin_family = AF_INET;
    targets[i].sin_port = htons(ports[i]);
    inet_pton(AF_INET, i == 0 ? "127.0.0.1" : "127.0.0.2", &targets[i].sin_addr);
  }
  alignas(8) sockaddr_in shared = targets[0];
  std::vector<model::Flow> truth;
  int reached[2] = {};
  {
    Swapper swapper(&shared, EightBytes(targets[0]), EightBytes(targets[1]));
    for (int i = 0; i < connections; ++i) {
      if (i % 16 == 0) swapper.AwaitTurn();
      const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&shared), sizeof(shared)), 0);
      sockaddr_in own = {}, peer = {};
      socklen_t length = sizeof(own);
      ASSERT_EQ(getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
      ASSERT_EQ(getpeername(client.get(), reinterpret_cast<sockaddr*>(&peer), &length), 0);
      ++reached[peer.sin_port == targets[1].sin_port];
      truth.push_back({EndpointOf(own), EndpointOf(peer)});
      const int listener = peer.sin_port == targets[1].sin_port;
      const UniqueFd server(accept(listeners[listener].get(), nullptr, nullptr));
    }
  }
  // Otherwise there was no race.
  EXPECT_GT(reached[0], 0);
  EXPECT_GT(reached[1], 0);
  recorder.Settle();
  std::vector<model::Flow> emitted;
  std::map<uint64_t, model::Endpoint> connecting;  // by socket
  for (const auto& [event, tcp] : recorder.All<Tcp>()) {
    if (tcp->side != TcpSide::kClient) continue;
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    if (tcp->phase == TcpPhase::kConnect) connecting[tcp->socket] = tcp->flow.server;
    if (tcp->phase != TcpPhase::kEstablished) continue;
    emitted.push_back(tcp->flow);
    EXPECT_EQ(connecting[tcp->socket], tcp->flow.server);
  }
  EXPECT_TRUE(emitted == truth);
  EXPECT_EQ(recorder.Lost("tcp"), 0u);
}

// Prints the path of the program that runs, and its arguments.
int PrintPathAndArguments(const std::vector<std::string>& arguments) {
  std::string printed = SelfPath();
  for (const std::string& argument : arguments) printed += '\n' + argument;
  return write(STDOUT_FILENO, printed.data(), printed.size()) ==
                 static_cast<ssize_t>(printed.size())
             ? 0
             : 1;
}

const SelfPrograms programs({{"print-path-and-arguments", PrintPathAndArguments}});

TEST(RaceTest, PathAndArgumentsSwappedDuringExec_EmitsWhatTheProgramGot) {
  const int rounds = Rounds(300);
  Recorder recorder;
  const TestDirectory directory;
  // The last eight bytes of the paths are aligned and differ in one.
  const std::string paths[2] = {directory.Copy(SelfPath(), "programA"),
                                directory.Copy(SelfPath(), "programB")};
  int with[2] = {}, at[2] = {};
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    Child child([&] {
      dup2(ends[1], STDOUT_FILENO);
      struct Text {
        alignas(8) char bytes[256] = {};
      };
      static Text path, argument;
      // Aligns the last eight bytes of the path.
      char* const begin = path.bytes + 256 - 8 - paths[0].size();
      const size_t tail = paths[0].size() - 8;
      paths[0].copy(begin, paths[0].size());
      std::memcpy(argument.bytes, "argumen1", 8);
      uint64_t names[2], texts[2];
      for (int i = 0; i < 2; ++i) std::memcpy(&names[i], paths[i].data() + tail, 8);
      std::memcpy(&texts[0], "argumen1", 8);
      std::memcpy(&texts[1], "argumen2", 8);
      std::atomic<bool> swapping = false;
      std::thread([&] {
        auto* name = reinterpret_cast<std::atomic<uint64_t>*>(begin + tail);
        auto* text = reinterpret_cast<std::atomic<uint64_t>*>(argument.bytes);
        for (unsigned i = round; true; ++i) {
          name->store(names[i & 1], std::memory_order_relaxed);
          text->store(texts[i >> 1 & 1], std::memory_order_relaxed);
          swapping.store(true, std::memory_order_relaxed);
        }
      }).detach();
      while (!swapping.load(std::memory_order_relaxed)) sched_yield();
      for (int i = 0; i < round % 64; ++i) sched_yield();
      char mode[] = "--as-program=print-path-and-arguments";
      char* const argv[] = {mode, mode, argument.bytes, nullptr};
      execv(begin, argv);
      return 127;
    });
    close(ends[1]);
    const auto pid = static_cast<uint32_t>(child.pid());
    std::string printed(4096, '\0');
    const ssize_t count = read(ends[0], printed.data(), printed.size());
    close(ends[0]);
    ASSERT_GT(count, 0);
    printed.resize(static_cast<size_t>(count));
    ASSERT_EQ(child.Wait(), 0);
    const Event* event = recorder.WaitForBody<ExecEvent>(
        "exec", [&](const Event& e, const ExecEvent&) { return e.header.process.tgid == pid; });
    ASSERT_NE(event, nullptr);
    const model::Image& image = std::get<ExecEvent>(event->body).image;
    ASSERT_EQ(image.arguments.size(), 3u);
    EXPECT_EQ(image.path + '\n' + image.arguments[2], printed);
    struct stat file;
    ASSERT_EQ(stat(printed.substr(0, printed.find('\n')).c_str(), &file), 0);
    EXPECT_EQ(image.inode, file.st_ino);
    ++at[image.path == paths[1]];
    ++with[image.arguments[2] == "argumen2"];
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_GT(at[i], 0) << "every exec saw the same value: there was no race";
    EXPECT_GT(with[i], 0) << "every exec saw the same value: there was no race";
  }
}

}  // namespace
}  // namespace hoptrail::kernel_test
