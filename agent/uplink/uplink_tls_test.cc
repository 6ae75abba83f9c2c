#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/uplink/fake_collector.h"
#include "agent/uplink/uplink.h"
#include "core/config/credentials.h"
#include "core/config/test_certificates.h"

namespace hoptrail::agent::uplink {
namespace {

using config::TestAuthority;
using testing::HasSubstr;

class UplinkTlsTest : public testing::Test {
 protected:
  std::unique_ptr<Uplink> Open(int port, const v1::TlsConfig& tls) {
    Uplink::Options options;
    options.collector.set_address(absl::StrCat("localhost:", port));
    *options.collector.mutable_tls() = tls;
    options.host = wire::TestHost();
    options.spool = spool_.get();
    options.on_provenance = [](model::Provenance) {};
    return std::make_unique<Uplink>(std::move(options));
  }

  static void Replace(const v1::TlsConfig& with, const v1::TlsConfig& place) {
    const auto copy = [](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
    };
    copy(with.ca_file(), place.ca_file());
    copy(with.certificate_file(), place.certificate_file());
    copy(with.key_file(), place.key_file());
  }

  spool::TestFolder folder_;
  std::unique_ptr<spool::Spool> spool_ = spool::OpenSpool(folder_);
  TestAuthority authority_{"uplink_tls", "Test CA"};
  TestAuthority other_{"uplink_tls_other", "Other CA"};
};

TEST_F(UplinkTlsTest, BothSidesShowACertificate) {
  FakeCollector collector("localhost:0", *config::ServerCredentials(authority_.Issue("c", 3600)));
  spool_->Add(wire::TestSession());
  auto uplink = Open(collector.port(), authority_.Issue("agent", 3600));
  EXPECT_TRUE(collector.WaitForRecords(1));
}

TEST_F(UplinkTlsTest, AnotherAuthoritysAgentIsRefusedSaysWhyAndRecovers) {
  FakeCollector collector("localhost:0", *config::ServerCredentials(authority_.Issue("c", 3600)));
  spool_->Add(wire::TestSession());
  // The agent trusts the collector, but shows a certificate of another authority.
  v1::TlsConfig tls = other_.Issue("agent", 3600);
  std::filesystem::copy_file(authority_.Issue("x", 3600).ca_file(), tls.ca_file(),
                             std::filesystem::copy_options::overwrite_existing);
  testing::internal::CaptureStderr();
  auto uplink = Open(collector.port(), tls);
  absl::SleepFor(absl::Seconds(2));
  EXPECT_TRUE(collector.hellos().empty());
  EXPECT_EQ(spool_->spooled(), 1u);
  Replace(authority_.Issue("agent", 3600), tls);
  EXPECT_TRUE(collector.WaitForRecords(1));
  uplink.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("was issued by CN = Other CA"));
  RecordProperty("log", log);
}

TEST_F(UplinkTlsTest, AnotherAuthoritysCollectorIsNotBelieved) {
  FakeCollector collector("localhost:0", *config::ServerCredentials(other_.Issue("c", 3600)));
  testing::internal::CaptureStderr();
  auto uplink = Open(collector.port(), authority_.Issue("agent", 3600));
  absl::SleepFor(absl::Seconds(1));
  uplink.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(collector.hellos().empty());
  EXPECT_THAT(log, HasSubstr("certificate verify failed"));
}

TEST_F(UplinkTlsTest, AMissingFileIsNamed) {
  v1::TlsConfig tls = authority_.Issue("agent", 3600);
  tls.set_key_file("/nowhere/agent.key");
  testing::internal::CaptureStderr();
  auto uplink = Open(1, tls);
  absl::SleepFor(absl::Milliseconds(300));
  uplink.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("/nowhere/agent.key"));
}

}  // namespace
}  // namespace hoptrail::agent::uplink
