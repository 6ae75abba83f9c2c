#include "collector/api/assemble.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"
#include "core/model/unmonitored.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): the fixture's namespace

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class AssembleTest : public ApiTest {
 protected:
  // A host whose agent has reported these addresses.
  void AddHost(uint8_t number, const std::string& name, const std::string& address) {
    WriteBatch batch;
    HostChange& change = batch.hosts[Host(number)];
    change.host_name = name;
    change.last_seen_wall_ns = kNow + number;
    change.health.emplace();
    change.health->host = Host(number);
    change.health->addresses = {*model::ParseIpAddress("10.9.9.9"),
                                *model::ParseIpAddress(address)};
    Write(batch);
  }
  static model::HostId Host(uint8_t number) {
    model::HostId host = wire::TestHost();
    host.machine.bytes[15] = number;
    host.boot.bytes[15] = number;
    return host;
  }

  // The root of a path: a session that came from `address`. No agent reported the client's end.
  v1::PathStep RootFrom(const std::string& address) {
    model::Session session = wire::TestSession();
    session.entry->flow.client.address = *model::ParseIpAddress(address);
    WriteBatch batch;
    batch.sessions = {session};
    batch.hosts[session.host] = {.host_name = "gw", .last_seen_wall_ns = kNow};
    Write(batch);
    engine::Path path;
    path.steps.push_back({.session = session.id});
    const auto assembled = AssemblePath(reader().get(), path, "sessions/x");
    EXPECT_TRUE(assembled.ok()) << assembled.status();
    EXPECT_EQ(assembled->steps_size(), 1);
    return assembled->steps(0);
  }
};

std::vector<std::string> Origins(const v1::PathStep& step) {
  std::vector<std::string> names;
  for (const v1::OriginHost& origin : step.origin_hosts()) names.push_back(origin.host_name());
  return names;
}

TEST_F(AssembleTest, AddressOfNoHost_HasNoOriginHosts) {
  AddHost(1, "web", "10.0.0.2");
  EXPECT_THAT(Origins(RootFrom("192.0.2.9")), IsEmpty());
  EXPECT_THAT(Origins(RootFrom("10.0.0.22")), IsEmpty()) << "10.0.0.2 is only a part of its text";
  EXPECT_THAT(Origins(RootFrom("0.0.0.2")), IsEmpty());
}

TEST_F(AssembleTest, AddressOfTheFleet_ListsItsHosts) {
  AddHost(1, "web", "10.0.0.2");
  AddHost(2, "db", "2001:db8::3");
  EXPECT_THAT(Origins(RootFrom("10.0.0.2")), ElementsAre("web"));
  EXPECT_THAT(Origins(RootFrom("2001:db8::3")), ElementsAre("db"));
  // Several hosts may have one private address.
  AddHost(3, "db", "10.0.0.2");
  AddHost(4, "db", "10.0.0.2");
  EXPECT_THAT(Origins(RootFrom("10.0.0.2")),
              UnorderedElementsAre("web", "db (aa000000)", "db (aa000000)"));
  for (uint8_t i = 10; i < 40; ++i) AddHost(i, "host-" + std::to_string(i), "10.0.0.2");
  EXPECT_THAT(Origins(RootFrom("10.0.0.2")), SizeIs(Reader::kMaxAddressHosts));
}

// Hosts of the fleet connect to it, and nobody reports it as its own.
TEST_F(AssembleTest, AddressOfAMachineWithoutAgent_IsNoOutsiders) {
  model::EdgeCount edge;
  edge.host = Host(1);
  edge.side = model::HopSide::kClient;
  edge.program = "/usr/bin/ssh";
  edge.minute_wall_ns = kNow;
  WriteBatch batch;
  for (const char* peer : {"10.0.0.7", "8.8.8.8"}) {
    edge.peer = *model::ParseIpAddress(peer);
    batch.edges.push_back(edge);
  }
  Write(batch);
  const v1::PathStep root = RootFrom("10.0.0.7");
  ASSERT_THAT(Origins(root), ElementsAre("10.0.0.7"));
  EXPECT_EQ(root.origin_hosts(0).reason(), v1::NO_AGENT);
  EXPECT_THAT(Origins(RootFrom("10.0.0.8")), IsEmpty());
  EXPECT_THAT(Origins(RootFrom("8.8.8.8")), IsEmpty()) << "a resolver, which is outside";
}

TEST_F(AssembleTest, LoopbackAddress_IsTheHostItself) {
  EXPECT_THAT(Origins(RootFrom("127.0.0.1")), ElementsAre("gw"));
  EXPECT_THAT(Origins(RootFrom("::1")), ElementsAre("gw"));
}

TEST_F(AssembleTest, AddressOfTheSessionsOwnHost_IsTheHostItself) {
  AddHost(1, "web", "172.17.0.1");
  WriteBatch batch;
  batch.hosts[wire::TestHost()].health = model::AgentHealth{
      .host = wire::TestHost(), .addresses = {*model::ParseIpAddress("172.17.0.1")}};
  Write(batch);
  const v1::PathStep root = RootFrom("172.17.0.1");
  ASSERT_THAT(Origins(root), ElementsAre("gw"));
  EXPECT_EQ(root.origin_hosts(0).reason(), v1::SAME_HOST);
}

TEST_F(AssembleTest, OriginHost_SaysWhatIsMissing) {
  const int64_t opened = wire::TestSession().opened_wall_ns;
  constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;
  AddHost(1, "web", "10.0.0.2");
  const auto origin = [this] { return RootFrom("10.0.0.2").origin_hosts(0); };
  const auto change = [this](HostState state, int64_t last_seen, int64_t started) {
    WriteBatch batch;
    batch.hosts[Host(1)] = {.connected_wall_ns = kNow, .state = state};
    batch.hosts[Host(1)].last_seen_wall_ns = last_seen;
    batch.hosts[Host(1)].health =
        model::AgentHealth{.host = Host(1),
                           .started_wall_ns = started,
                           .addresses = {*model::ParseIpAddress("10.0.0.2")}};
    Write(batch);
  };
  change(HostState::kConnected, opened, opened - kMinute);
  EXPECT_EQ(origin().reason(), v1::CONNECTION_NOT_REPORTED);
  EXPECT_EQ(origin().host(), wire::ResourceName(Host(1)));
  model::EdgeCount raw{.host = Host(1),
                       .side = model::HopSide::kClient,
                       .program = "/opt/stack",
                       .minute_wall_ns = opened,
                       .protocol = 255};
  Write({.edges = {raw}});
  EXPECT_EQ(origin().reason(), v1::RAW_SOCKET);
  EXPECT_EQ(origin().program(), "/opt/stack");
  change(HostState::kConnected, opened, opened + kMinute);
  EXPECT_EQ(origin().reason(), v1::AGENT_DOWN);
  EXPECT_EQ(origin().until_time().seconds(), (opened + kMinute) / 1'000'000'000);
}

TEST_F(AssembleTest, SessionOnAHostWithoutAgent_IsNamedByItsAddress) {
  model::Session session = wire::TestSession();
  session.host = model::UnmonitoredHost(*model::ParseIpAddress("10.0.0.5"));
  Write({.sessions = {session}});
  const auto read = reader()->GetSession(session.id);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->unmonitored_address(), "10.0.0.5");
  EXPECT_EQ(read->host_name(), "10.0.0.5 (unmonitored)");
  EXPECT_EQ(read->title(), "unseen");
}

TEST_F(AssembleTest, ServiceSession_HasATitle) {
  model::Session session = wire::TestSession();
  session.kind = model::EntryKind::kService;
  session.unit = "nginx.service";
  session.user = "www-data";
  Write({.sessions = {session}});
  const auto read = reader()->GetSession(session.id);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->title(), "service nginx.service (www-data)");
  EXPECT_EQ(read->unit(), "nginx.service");
}

}  // namespace
}  // namespace hoptrail::collector::api
