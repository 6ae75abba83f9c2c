#include "collector/api/assemble.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/api_fixture.h"

namespace hoptrail::collector::api {
namespace {

using namespace store;  // NOLINT(google-build-using-namespace): its fixture and all that it names

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AssembleTest : public ApiTest {
 protected:
  // A host of the fleet, by its own word.
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

  // The path of one session that came in from `address`, whose other end nobody told.
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

TEST_F(AssembleTest, AnAddressThatNoHostHasIsOutside) {
  AddHost(1, "web", "10.0.0.2");
  EXPECT_THAT(RootFrom("192.0.2.9").origin_hosts(), IsEmpty());
  EXPECT_THAT(RootFrom("10.0.0.22").origin_hosts(), IsEmpty()) << "the text is only part of it";
  EXPECT_THAT(RootFrom("0.0.0.2").origin_hosts(), IsEmpty());
}

TEST_F(AssembleTest, AnAddressOfTheFleetIsItsHosts) {
  AddHost(1, "web", "10.0.0.2");
  AddHost(2, "db", "2001:db8::3");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), ElementsAre("web"));
  EXPECT_THAT(RootFrom("2001:db8::3").origin_hosts(), ElementsAre("db"));
  // A private address may be several hosts'; another boot of a host is no other host.
  AddHost(3, "db", "10.0.0.2");
  AddHost(4, "db", "10.0.0.2");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), ElementsAre("db", "web"));
  for (uint8_t i = 10; i < 40; ++i) AddHost(i, "host-" + std::to_string(i), "10.0.0.2");
  EXPECT_THAT(RootFrom("10.0.0.2").origin_hosts(), SizeIs(Reader::kMaxAddressHosts));
}

TEST_F(AssembleTest, ALoopbackAddressIsTheHostsOwn) {
  EXPECT_THAT(RootFrom("127.0.0.1").origin_hosts(), ElementsAre("gw"));
  EXPECT_THAT(RootFrom("::1").origin_hosts(), ElementsAre("gw"));
}

TEST_F(AssembleTest, SessionsHaveTitles) {
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
