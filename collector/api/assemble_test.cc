#include "collector/api/assemble.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): the fixture's namespace

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

TEST_F(AssembleTest, AddressOfNoHost_HasNoOriginHosts) {
  AddHost(1, "web", "10.0.0.2");
  EXPECT_THAT(RootFrom("192.0.2.9").origin_hosts(), IsEmpty());
  EXPECT_THAT(RootFrom("10.0.0.22").origin_hosts(), IsEmpty())
      << "10.0.0.2 is only a part of its text";
  EXPECT_THAT(RootFrom("0.0.0.2").origin_hosts(), IsEmpty());
}

TEST_F(AssembleTest, AddressOfTheFleet_ListsItsHosts) {
  AddHost(1, "web", "10.0.0.2");
  AddHost(2, "db", "2001:db8::3");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), ElementsAre("web"));
  EXPECT_THAT(RootFrom("2001:db8::3").origin_hosts(), ElementsAre("db"));
  // Several hosts may have one private address. A label is listed once.
  AddHost(3, "db", "10.0.0.2");
  AddHost(4, "db", "10.0.0.2");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), ElementsAre("db (aa000000)", "web"));
  for (uint8_t i = 10; i < 40; ++i) AddHost(i, "host-" + std::to_string(i), "10.0.0.2");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), SizeIs(Reader::kMaxAddressHosts));
}

TEST_F(AssembleTest, LoopbackAddress_IsTheHostItself) {
  EXPECT_THAT(RootFrom("127.0.0.1").origin_hosts(), ElementsAre("gw"));
  EXPECT_THAT(RootFrom("::1").origin_hosts(), ElementsAre("gw"));
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
