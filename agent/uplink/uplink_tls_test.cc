#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/uplink/fake_collector.h"
#include "agent/uplink/uplink.h"
#include "core/config/server_tls.h"
#include "core/config/test_certificates.h"

namespace hoptrail::agent::uplink {
namespace {

using config::TestAuthority;
using testing::HasSubstr;

class UplinkTlsTest : public testing::Test {
 protected:
  std::unique_ptr<Uplink> Open(int port, const v1::TlsConfig& tls) {
    return Open(absl::StrCat("localhost:", port), tls);
  }
  std::unique_ptr<Uplink> Open(const std::string& address, const v1::TlsConfig& tls) {
    Uplink::Options options;
    options.collector.set_address(address);
    *options.collector.mutable_tls() = tls;
    options.host = wire::TestHost();
    options.spool = spool_.get();
    options.on_provenance = [](model::Provenance) {};
    return std::make_unique<Uplink>(std::move(options));
  }

  std::shared_ptr<grpc::ServerCredentials> Serving(const v1::TlsConfig& tls) {
    return servers_.emplace_back(*config::ServerTls::Create(tls))->Credentials();
  }

  static void Replace(const v1::TlsConfig& with, const v1::TlsConfig& place) {
    const auto copy = [](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
    };
    copy(with.ca_file(), place.ca_file());
    copy(with.certificate_file(), place.certificate_file());
    copy(with.key_file(), place.key_file());
  }

  std::vector<std::unique_ptr<config::ServerTls>> servers_;  // outlive the collectors
  spool::TestDirectory directory_;
  std::unique_ptr<spool::Spool> spool_ = spool::OpenSpool(directory_);
  TestAuthority authority_{"uplink_tls", "Test CA"};
  TestAuthority other_{"uplink_tls_other", "Other CA"};
};

TEST_F(UplinkTlsTest, MutualTls_CarriesRecords) {
  FakeCollector collector("localhost:0", Serving(authority_.Issue("c", 3600)));
  spool_->Add(wire::TestSession());
  auto uplink = Open(collector.port(), authority_.Issue("agent", 3600));
  EXPECT_TRUE(collector.WaitForRecords(1));
}

TEST_F(UplinkTlsTest, AgentOfAnotherAuthority_IsRefusedAndRecovers) {
  FakeCollector collector("localhost:0", Serving(authority_.Issue("c", 3600)));
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

TEST_F(UplinkTlsTest, CollectorOfAnotherAuthority_IsNotBelieved) {
  FakeCollector collector("localhost:0", Serving(other_.Issue("c", 3600)));
  testing::internal::CaptureStderr();
  auto uplink = Open(collector.port(), authority_.Issue("agent", 3600));
  absl::SleepFor(absl::Seconds(1));
  uplink.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(collector.hellos().empty());
  EXPECT_THAT(log, HasSubstr("certificate verify failed"));
}

// The log names the reason, in the words of the side that knows it.
TEST_F(UplinkTlsTest, EveryRefusal_IsNamedInTheLog) {
  const v1::TlsConfig agent = authority_.Issue("agent", 3600);
  FakeCollector collector("localhost:0", Serving(authority_.Issue("c", 3600)));
  FakeCollector refusing("localhost:0", Serving(authority_.Issue("r", 3600)));
  refusing.refusal = {grpc::StatusCode::PERMISSION_DENIED, "the certificate names another machine"};
  FakeCollector plain("localhost:0");
  v1::TlsConfig misnamed = agent;
  misnamed.set_server_name("somebody-else.example");
  struct Case {
    const char* what;
    std::string address;
    v1::TlsConfig tls;
    const char* reason;
  };
  const auto at = [](int port) { return absl::StrCat("localhost:", port); };
  const std::vector<Case> cases = {
      {"nobody listens", at(1), agent, "Connection refused"},
      {"no such name", "nowhere.invalid:7443", agent, "nowhere.invalid"},
      {"another name's certificate", at(collector.port()), misnamed, "somebody-else.example"},
      {"another machine's agent", at(refusing.port()), agent,
       "PERMISSION_DENIED: the certificate names another machine"},
      {"no TLS there", at(plain.port()), agent, "wrong version number"},
      {"an own certificate that has expired", at(collector.port()), authority_.Issue("old", -60),
       "the certificate expired"},
  };
  for (const Case& each : cases) {
    testing::internal::CaptureStderr();
    auto uplink = Open(each.address, each.tls);
    absl::SleepFor(absl::Seconds(1));
    uplink.reset();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr(absl::StrCat("no stream to ", each.address))) << each.what;
    EXPECT_THAT(log, HasSubstr(each.reason)) << each.what;
  }
}

TEST_F(UplinkTlsTest, MissingFile_IsNamedInTheLog) {
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
