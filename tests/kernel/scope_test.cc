// A sensor with a scope sees its own network namespace only, also beside sensors with other scopes.

#include <sched.h>
#include <unistd.h>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Tcp;
using agent::decode::TcpPhase;
using ExecEvent = agent::decode::Exec;

struct Elsewhere {
  uint32_t network_namespace = 0;
  uint16_t port = 0;
};

TEST(ScopeTest, TwoSensorsWithScopes_SeeTheirOwnNamespaceOnly) {
  int ready[2], go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  Child other([&] {
    if (!EnterNewNetworkNamespace()) return 1;
    Elsewhere elsewhere{.network_namespace = NetworkNamespace()};
    const UniqueFd listener = Listen("127.0.0.1", &elsewhere.port);
    if (write(ready[1], &elsewhere, sizeof(elsewhere)) != sizeof(elsewhere)) return 1;
    char byte;
    if (read(go[0], &byte, 1) != 1) return 1;
    const UniqueFd client = Connect("127.0.0.1", elsewhere.port);
    Child program([] { return Exec({"/bin/true", "elsewhere"}); });
    return program.Wait();
  });
  Elsewhere elsewhere;
  ASSERT_EQ(read(ready[0], &elsewhere, sizeof(elsewhere)), ssize_t{sizeof(elsewhere)});
  ASSERT_NE(elsewhere.network_namespace, NetworkNamespace());

  Recorder here;
  Recorder there({.scope_network_namespace = elsewhere.network_namespace});
  here.Snapshot();
  there.Snapshot();
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_NE(there.WaitForBody<Tcp>("connect",
                                   [&](const Event&, const Tcp& tcp) {
                                     return tcp.phase == TcpPhase::kConnect &&
                                            tcp.flow.server.port == elsewhere.port;
                                   }),
            nullptr);
  const Event* exec = there.WaitForBody<ExecEvent>("exec", [](const Event&, const ExecEvent& e) {
    return e.image.arguments.size() == 2 && e.image.arguments[1] == "elsewhere";
  });
  ASSERT_NE(exec, nullptr);
  other.Wait();
  ConnectedPair("127.0.0.1");
  here.Settle();

  EXPECT_GT(here.All<Tcp>().size(), 0u);
  for (const Event& event : here.events()) {
    if (std::holds_alternative<agent::decode::SnapshotDone>(event.body)) continue;
    EXPECT_EQ(event.header.namespaces.network, NetworkNamespace());
  }
  for (const Event& event : there.events()) {
    if (std::holds_alternative<agent::decode::SnapshotDone>(event.body)) continue;
    EXPECT_EQ(event.header.namespaces.network, elsewhere.network_namespace);
  }
  for (int fd : {ready[0], ready[1], go[0], go[1]}) close(fd);
}

TEST(ScopeTest, SensorWithoutAScope_SeesOtherNamespaces) {
  auto sensor = agent::kernel::Sensor::Open({});
  ASSERT_TRUE(sensor.ok()) << sensor.status();
  // The machine's first process is in another network namespace than this test.
  bool seen = false;
  const absl::Status status =
      (*sensor)->Snapshot([&](const void* data, size_t size) { seen |= size > 0; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace hoptrail::kernel_test
