#ifndef HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SEARCH_SUITE_H_
#define HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SEARCH_SUITE_H_

// Rows are found by the beginning of an id, a name or an address.

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/store/conformance/suite_fixture.h"

namespace hoptrail::collector::store {

TEST_P(StoreSuite, BeginningOfAnId_FindsTheOnlyMatch) {
  WriteBatch batch{.sessions = {Session(1), Session(2), Session(1)},
                   .detections = {Detection(1), Detection(2), Detection(1)},
                   .incidents = {Incident(1), Incident(2), Incident(1)}};
  batch.sessions[2].id.bytes[15] = 1;
  batch.detections[2].id.bytes[15] = 1;
  batch.incidents[2].id.bytes[15] = 1;
  Write(batch);
  const auto expect_search = [](const auto& find, const auto& first, const auto& second) {
    EXPECT_EQ(*find("0200"), second);
    EXPECT_EQ(*find("01" + std::string(30, '0')), first);
    EXPECT_EQ(find("0100").status().code(), absl::StatusCode::kInvalidArgument) << "two match";
    EXPECT_EQ(find("ffff").status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(find("020").status().code(), absl::StatusCode::kInvalidArgument) << "too short";
    EXPECT_EQ(find("01zz").status().code(), absl::StatusCode::kInvalidArgument) << "no digits";
  };
  expect_search([this](const std::string& digits) { return reader()->FindSession(digits); },
                Session(1).id, Session(2).id);
  expect_search([this](const std::string& digits) { return reader()->FindDetection(digits); },
                Detection(1).id, Detection(2).id);
  expect_search([this](const std::string& digits) { return reader()->FindIncident(digits); },
                Incident(1).id, Incident(2).id);
}

TEST_P(StoreSuite, FindHost_AcceptsMachineIdBootIdAndName) {
  Connect(Host(1, 1), "gw", kNow, HostState::kDisconnected);
  Connect(Host(1, 2), "gw", kNow + 1);
  Connect(Host(2, 1), "web", kNow);
  const model::HostId machine{Host(1, 1).machine, {}};
  const std::string digits = model::ToString(machine.machine);
  const auto code = [this](const std::string& text) {
    return reader()->FindHost(text).status().code();
  };
  EXPECT_EQ(reader()->FindHost("gw").value(), machine);
  EXPECT_EQ(reader()->FindHost(digits).value(), machine);
  EXPECT_EQ(reader()->FindHost(digits.substr(0, 5)).value(), machine);
  EXPECT_EQ(code(digits.substr(0, 3)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("aa0"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(""), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("bb00"), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader()->FindHost(model::ToString(Host(1, 2))).value(), Host(1, 2));
  EXPECT_EQ(reader()->FindHost(digits + ".bb02").value(), Host(1, 2));
  EXPECT_EQ(code(digits + ".bb"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(digits + ".bb09"), absl::StatusCode::kNotFound);
  Connect(Host(2, 1), "gw", kNow + 2);
  EXPECT_EQ(code("gw"), absl::StatusCode::kInvalidArgument);
}

TEST_P(StoreSuite, HostsWithAddress_AreListedOnceForAllBootsAndBounded) {
  const model::IpAddress shared = *model::ParseIpAddress("10.0.0.7");
  const auto report = [this](const model::HostId& host, const std::string& name,
                             const std::string& address) {
    WriteBatch batch;
    batch.hosts[host] = {.host_name = name, .last_seen_wall_ns = kNow};
    batch.hosts[host].health = model::AgentHealth{
        .host = host,
        .started_wall_ns = kNow - 5,
        .addresses = {*model::ParseIpAddress("10.9.9.9"), *model::ParseIpAddress(address)}};
    Write(batch);
  };
  const auto names = [&] {
    std::vector<std::string> all;
    const auto found = *reader()->HostsWithAddress(shared);
    for (const AddressHostView& host : found) {
      all.push_back(host.host_name);
      EXPECT_TRUE(host.has_address);
      EXPECT_EQ(host.last_seen_wall_ns, kNow);
      EXPECT_EQ(host.agent_started_wall_ns, kNow - 5);
    }
    return all;
  };
  EXPECT_TRUE(names().empty());
  report(Host(1, 1), "gw", "10.0.0.7");
  report(Host(1, 2), "gw", "10.0.0.7");
  report(Host(2, 1), "web", "10.0.0.8");
  report(Host(3, 1), "", "10.0.0.7");
  EXPECT_THAT(names(), testing::UnorderedElementsAre("gw", ""));
  for (uint8_t i = 10; i < 30; ++i) report(Host(i, 1), "h" + std::to_string(i), "10.0.0.7");
  EXPECT_EQ(reader()->HostsWithAddress(shared)->size(), size_t{Reader::kMaxAddressHosts});
}

TEST_P(StoreSuite, AddressOfEarlier_StaysWithItsHostForTheRetention) {
  const model::IpAddress before = *model::ParseIpAddress("10.0.0.7");
  const model::IpAddress after = *model::ParseIpAddress("10.0.0.8");
  const auto report = [this](const model::HostId& host, const model::IpAddress& address,
                             int64_t wall_ns) {
    WriteBatch batch;
    batch.hosts[host].health = model::AgentHealth{.host = host, .addresses = {address}};
    ASSERT_TRUE(store_->Write(batch, wall_ns).ok());
  };
  report(Host(1, 1), before, kNow);
  report(Host(1, 1), before, kNow + 10);
  report(Host(1, 1), after, kNow + 20);
  auto found = *reader()->HostsWithAddress(before);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].host, Host(1, 1));
  EXPECT_FALSE(found[0].has_address);
  EXPECT_EQ(found[0].first_wall_ns, kNow);
  EXPECT_EQ(found[0].last_wall_ns, kNow + 10);
  // Another machine has it now, and comes first.
  report(Host(2, 1), before, kNow + 5);
  found = *reader()->HostsWithAddress(before);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].host, Host(2, 1));
  const auto loaded = store_->LoadSnapshot();
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->addresses.size(), 3u);
}

TEST_P(StoreSuite, RawSocketProgram_IsFoundByHostAndTime) {
  constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;
  model::EdgeCount edge{.host = Host(1, 1),
                        .side = model::HopSide::kClient,
                        .program = "/opt/stack",
                        .minute_wall_ns = kNow,
                        .connections = 1,
                        .protocol = 255};
  model::EdgeCount datagrams = edge;
  datagrams.program = "/usr/bin/dig";
  datagrams.protocol = model::kProtocolUdp;
  datagrams.minute_wall_ns = kNow - 10 * kMinute;
  Write({.edges = {edge, datagrams}});
  EXPECT_EQ(*reader()->RawSocketProgram(Host(1, 1), kNow - 1, kNow + kMinute), "/opt/stack");
  EXPECT_EQ(*reader()->RawSocketProgram(Host(1, 1), kNow + 30 * kMinute / 60, kNow + kMinute),
            "/opt/stack")
      << "within the minute that begins at kNow";
  EXPECT_EQ(*reader()->RawSocketProgram(Host(1, 1), kNow + 5 * kMinute, kNow + 9 * kMinute), "");
  EXPECT_EQ(*reader()->RawSocketProgram(Host(1, 1), kNow - 11 * kMinute, kNow - 9 * kMinute), "");
  EXPECT_EQ(*reader()->RawSocketProgram(Host(2, 1), kNow - 1, kNow + kMinute), "");
}

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CONFORMANCE_SEARCH_SUITE_H_
