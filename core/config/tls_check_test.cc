#include "core/config/tls_check.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/test_certificates.h"

namespace hoptrail::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kMachine[] = "00112233445566778899aabbccddeeff";
constexpr char kOther[] = "ffeeddccbbaa99887766554433221100";

// "error: a.yaml:1: collector.tls.key_file: …".
std::vector<std::string> Check(const v1::TlsConfig& tls, const TlsUse& use) {
  Findings findings{KeyPlaces("a.yaml")};
  CheckTlsFiles(tls, use, "collector.tls", &findings);
  std::vector<std::string> all;
  for (const Finding& finding : findings.all()) {
    const char* words[] = {"warning: ", "passing: ", "error: "};
    all.push_back(words[static_cast<int>(finding.weight)] + finding.text);
  }
  return all;
}

class TlsCheck : public ::testing::Test {
 protected:
  v1::TlsConfig Agent(const std::string& names, const std::string& usage = "clientAuth",
                      long seconds = 3600, long from = -3600) const {
    return authority_.Issue("agent", seconds,
                            {.names = names, .usage = usage, .from_seconds = from});
  }
  std::string Uri(const std::string& role, const std::string& name) const {
    return absl::StrCat("URI:spiffe://hoptrail/", role, "/", name);
  }

  const TestAuthority authority_{"tls_check", "Test CA"};
  const TlsUse agent_{.machine = *model::ParseId<model::MachineId>(kMachine)};
};

TEST_F(TlsCheck, GoodFiles_HaveNoFindings) {
  EXPECT_THAT(Check(Agent(Uri("agent", kMachine)), agent_), IsEmpty());
  EXPECT_THAT(Check(Agent(Uri("agent", kMachine), ""), agent_), IsEmpty());
  EXPECT_THAT(Check(authority_.Issue("c", 3600, {.usage = "serverAuth"}), {.server = true}),
              IsEmpty());
}

TEST_F(TlsCheck, CertificateOfAnotherMachine_IsAnError) {
  EXPECT_THAT(Check(Agent(Uri("agent", kOther)), agent_),
              ElementsAre(AllOf(StartsWith("error: a.yaml:1: collector.tls.certificate_file: "),
                                HasSubstr(absl::StrCat("is for machine ", kOther)),
                                HasSubstr(absl::StrCat("this one is ", kMachine)))));
  EXPECT_THAT(Check(Agent(Uri("reader", "rita")), agent_),
              ElementsAre(HasSubstr("is no agent's certificate but one of role reader")));
  EXPECT_THAT(Check(Agent("DNS:web"), agent_),
              ElementsAre(HasSubstr("is no agent's certificate:")));
}

TEST_F(TlsCheck, WrongKeyUsage_IsAnError) {
  EXPECT_THAT(Check(Agent(Uri("agent", kMachine), "serverAuth"), agent_),
              ElementsAre(AllOf(StartsWith("error: "), HasSubstr("is not that of a client"))));
  EXPECT_THAT(Check(authority_.Issue("c", 3600, {.usage = "clientAuth"}), {.server = true}),
              ElementsAre(AllOf(StartsWith("error: "), HasSubstr("is not that of a server"))));
}

TEST_F(TlsCheck, CertificateOutsideItsDates_IsPassing) {
  EXPECT_THAT(Check(Agent(Uri("agent", kMachine), "", -60), agent_),
              ElementsAre(AllOf(StartsWith("passing: "), HasSubstr("expired on"))));
  EXPECT_THAT(Check(Agent(Uri("agent", kMachine), "", 7200, 3600), agent_),
              ElementsAre(AllOf(StartsWith("passing: "), HasSubstr("not valid before"))));
}

TEST_F(TlsCheck, MissingOrMixedUpFiles_AreErrors) {
  const v1::TlsConfig good = Agent(Uri("agent", kMachine));
  v1::TlsConfig tls = good;
  tls.set_ca_file("/nowhere/ca.pem");
  tls.set_certificate_file("/nowhere/agent.pem");
  tls.set_key_file("/nowhere/agent.key");
  EXPECT_THAT(Check(tls, agent_), ElementsAre(HasSubstr("tls.ca_file: /nowhere/ca.pem: No such"),
                                              HasSubstr("tls.certificate_file: /nowhere/agent.pem"),
                                              HasSubstr("tls.key_file: /nowhere/agent.key")));
  tls = good;
  tls.set_key_file(authority_.Issue("other", 3600).key_file());
  EXPECT_THAT(Check(tls, agent_), ElementsAre(HasSubstr("is not the key of the certificate in")));
  tls.set_key_file(good.certificate_file());
  EXPECT_THAT(Check(tls, agent_), testing::Contains(HasSubstr("holds no private key")));
  tls = good;
  tls.set_certificate_file(good.key_file());
  EXPECT_THAT(Check(tls, agent_), ElementsAre(HasSubstr("holds no certificate")));
}

TEST_F(TlsCheck, UnknownIssuer_IsAWarning) {
  const TestAuthority other("tls_check_other", "Other CA");
  v1::TlsConfig tls = Agent(Uri("agent", kMachine));
  tls.set_ca_file(other.Issue("x", 3600).ca_file());
  EXPECT_THAT(Check(tls, agent_),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("issued by CN = Test CA"))));
}

TEST_F(TlsCheck, KeyReadableByOthers_IsAWarning) {
  const v1::TlsConfig tls = Agent(Uri("agent", kMachine));
  std::filesystem::permissions(tls.key_file(), std::filesystem::perms(0604));
  EXPECT_THAT(Check(tls, agent_),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("other users may read it"))));
}

TEST_F(TlsCheck, AuthorityThatMayNotSign_IsAWarning) {
  v1::TlsConfig tls = Agent(Uri("agent", kMachine));
  tls.set_ca_file(tls.certificate_file());
  EXPECT_THAT(Check(tls, agent_), ElementsAre(HasSubstr("holds no authority's certificate")));
}

TEST_F(TlsCheck, ServerCertificateWithoutAName_IsAWarning) {
  EXPECT_THAT(
      Check(authority_.Issue("c", 3600, {.names = Uri("collector", "c")}), {.server = true}),
      ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("names no host"))));
}

}  // namespace
}  // namespace hoptrail::config
