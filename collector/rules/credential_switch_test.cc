#include <optional>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::MakePath;
using engine::PathView;

std::optional<model::Detection> Evaluate(const PathView& path) {
  return MakeFleetRule("credential-switch", {})->OnSession({path});
}

TEST(CredentialSwitchRuleTest, Fires_WhenAHopChangesTheUser) {
  PathView path = MakePath({{"staff", "gw"}, {"deploy", "web"}});
  path[1].method = model::AuthMethod::kPublicKey;
  path[1].key_fingerprint = "SHA256:abc";
  const auto detection = Evaluate(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[1].session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("from_user"), "staff");
  EXPECT_EQ(detection->evidence.at("to_user"), "deploy");
  EXPECT_EQ(detection->evidence.at("method"), "publickey");
  EXPECT_EQ(detection->evidence.at("key_fingerprint"), "SHA256:abc");
}

TEST(CredentialSwitchRuleTest, StaysSilent_ForAUserThatThePathAlreadyHad) {
  EXPECT_FALSE(Evaluate(MakePath({{"ann", "a"}, {"ann", "b"}})).has_value());
  EXPECT_FALSE(Evaluate(MakePath({{"ann", "a"}, {"deploy", "b"}, {"ann", "c"}})).has_value());
}

TEST(CredentialSwitchRuleTest, StaysSilent_WhenAUserIsUnknown) {
  EXPECT_FALSE(Evaluate(MakePath({{"", "a"}, {"ann", "b"}})).has_value());
  EXPECT_FALSE(Evaluate(MakePath({{"ann", "a"}, {"", "b"}})).has_value());
  EXPECT_FALSE(Evaluate(MakePath({{"ann", "a"}})).has_value());
}

TEST(CredentialSwitchRuleTest, StaysSilent_ForSuOnTheRootsHost) {
  PathView path = MakePath({{"ann", "a"}, {"root", "a"}});
  path[1].depth = 0;
  path[1].by_hop = false;
  EXPECT_FALSE(Evaluate(path).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
