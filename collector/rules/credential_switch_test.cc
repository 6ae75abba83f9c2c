#include "collector/rules/credential_switch.h"

#include <gtest/gtest.h>

#include "collector/rules/path_for_test.h"

namespace hoptrail::collector::rules {
namespace {

std::optional<model::Detection> Judge(const PathView& path) {
  return CredentialSwitch({}).OnSession({path});
}

TEST(CredentialSwitchTest, FiresWhereTheUserBecomesANewOne) {
  PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  path[1].method = model::AuthMethod::kPublicKey;
  path[1].key_fingerprint = "SHA256:abc";
  const auto detection = Judge(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[1].session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("from_user"), "staff");
  EXPECT_EQ(detection->evidence.at("to_user"), "deploy");
  EXPECT_EQ(detection->evidence.at("method"), "publickey");
  EXPECT_EQ(detection->evidence.at("key_fingerprint"), "SHA256:abc");
}

TEST(CredentialSwitchTest, DoesNotFireForTheSameUserOrOneThatThePathHad) {
  EXPECT_FALSE(Judge(MakePath({{"ann", "a"}, {"ann", "b"}})).has_value());
  EXPECT_FALSE(Judge(MakePath({{"ann", "a"}, {"deploy", "b"}, {"ann", "c"}})).has_value());
}

TEST(CredentialSwitchTest, DoesNotFireWhereAUserIsUnknown) {
  EXPECT_FALSE(Judge(MakePath({{"", "a"}, {"ann", "b"}})).has_value());
  EXPECT_FALSE(Judge(MakePath({{"ann", "a"}, {"", "b"}})).has_value());
  EXPECT_FALSE(Judge(MakePath({{"ann", "a"}})).has_value());
}

TEST(CredentialSwitchTest, DoesNotFireForSuOnTheRootsHost) {
  PathView path = MakePath({{"ann", "a"}, {"root", "a"}});
  path[1].depth = 0;
  path[1].by_hop = false;
  EXPECT_FALSE(Judge(path).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
