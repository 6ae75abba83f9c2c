// Hosts that change their names, or take another's.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = model::DegradationKind;

class HostNameTest : public LoopTest {
 protected:
  static constexpr int64_t kDayNs = 24 * 3600 * kSecond;

  static model::HostId Host(uint8_t machine, uint8_t boot = 1) {
    model::HostId host;
    host.machine.bytes[0] = machine;
    host.boot.bytes[0] = boot;
    return host;
  }
  std::shared_ptr<FakeAgent> Start(const model::HostId& host, const std::string& name) {
    auto agent = Connect(host, name);
    Pass(0);
    return agent;
  }
  void Report(const model::HostId& host, const std::shared_ptr<FakeAgent>& agent,
              const std::string& name) {
    model::AgentHealth health;
    health.host = host;
    health.host_name = name;
    EXPECT_TRUE(bus_->Publish(bus::FactBatch{host, agent, {++sequence_}, {health}}));
    Pass(0);
  }
  std::vector<std::string> Listed() {
    std::vector<std::string> names;
    const auto page = store_->BorrowReader()->ListHosts({}, std::nullopt, 100);
    for (const store::HostView& host : page->items) names.push_back(host.host_name);
    return names;
  }

  uint64_t sequence_ = 0;
};

TEST_F(HostNameTest, ChangedName_IsShownForADay) {
  const auto agent = Start(Host(1), "web1");
  EXPECT_EQ(DetailOf(Host(1), Kind::kHostNameChanged), "");
  testing::internal::CaptureStderr();
  Report(Host(1), agent, "web2");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("called itself web1"));
  EXPECT_EQ(DetailOf(Host(1), Kind::kHostNameChanged),
            "it called itself web1 until 2023-11-14T22:13:20Z, and calls itself web2 now");
  EXPECT_THAT(Listed(), ElementsAre("web2"));
  clock_.AdvanceNs(kDayNs - 10 * kSecond);
  Pass(1);
  EXPECT_NE(DetailOf(Host(1), Kind::kHostNameChanged), "");
  Pass(12);
  EXPECT_EQ(DetailOf(Host(1), Kind::kHostNameChanged), "");
}

TEST_F(HostNameTest, NextBootUnderAnotherName_IsAChange) {
  Start(Host(1, 1), "web1");
  Start(Host(1, 2), "web1");
  EXPECT_EQ(DetailOf(Host(1, 2), Kind::kHostNameChanged), "");
  Start(Host(1, 3), "web3");
  EXPECT_THAT(DetailOf(Host(1, 3), Kind::kHostNameChanged), HasSubstr("called itself web1 until"));
  EXPECT_EQ(DetailOf(Host(1, 3), Kind::kHostNameShared), "");
}

TEST_F(HostNameTest, NameOfAnotherMachine_IsASuspicionOnWhoTookIt) {
  Start(Host(1), "web1");
  const auto eve = Start(Host(2), "eve");
  EXPECT_THAT(Listed(), ElementsAre("eve", "web1"));
  Report(Host(2), eve, "web1");
  EXPECT_THAT(DetailOf(Host(2), Kind::kHostNameShared),
              HasSubstr(absl::StrCat("it calls itself web1, as machine ",
                                     model::ToString(Host(1).machine))));
  EXPECT_EQ(DetailOf(Host(1), Kind::kHostNameShared), "") << "the innocent host";
  EXPECT_EQ(DetailOf(Host(1), Kind::kHostNameChanged), "");
  EXPECT_THAT(Listed(), ElementsAre("web1 (01000000)", "web1 (02000000)"));
  clock_.AdvanceNs(kDayNs + kSecond);
  Pass(1);
  EXPECT_EQ(DetailOf(Host(2), Kind::kHostNameShared), "");
  Close();
  Open();
  Pass(1);
  EXPECT_EQ(engine_->host_names().Label(Host(1)), "web1 (01000000)");
}

TEST_F(HostNameTest, NamesBeyondTheLimit_AreRefusedAndTheRowKeepsTheLast) {
  const auto eve = Start(Host(2), "eve");
  for (size_t i = 1; i < HostNames::kMaxNamesOfMachine; ++i) {
    Report(Host(2), eve, absl::StrCat("eve", i));
  }
  EXPECT_EQ(DetailOf(Host(2), Kind::kClaimsRefused), "");
  Report(Host(2), eve, "web1");
  EXPECT_THAT(Listed(), ElementsAre("eve15"));
  EXPECT_THAT(DetailOf(Host(2), Kind::kClaimsRefused), HasSubstr("1 name of the host"));
}

}  // namespace
}  // namespace hoptrail::collector::engine
