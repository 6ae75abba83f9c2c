#include "agent/worker/uplink_inbox.h"

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

class UplinkInboxTest : public testing::Test {
 protected:
  static model::Provenance ProvenanceOf(uint8_t session) {
    model::Provenance provenance;
    provenance.session.bytes[0] = session;
    return provenance;
  }

  int notified_ = 0;
  UplinkInbox inbox_{[this] { ++notified_; }};
};

TEST_F(UplinkInboxTest, EachMessage_NotifiesAndIsTakenOnce) {
  EXPECT_TRUE(inbox_.TakeProvenance().empty());
  EXPECT_FALSE(inbox_.TakeStateLost());
  EXPECT_FALSE(inbox_.TakeAssumedHost().has_value());
  EXPECT_TRUE(inbox_.PutProvenance(ProvenanceOf(1)));
  EXPECT_TRUE(inbox_.PutProvenance(ProvenanceOf(2)));
  inbox_.PutStateLost();
  model::HostId host;
  host.boot.bytes.fill(9);
  inbox_.PutAssumedHost(host);
  EXPECT_EQ(notified_, 4);
  const auto provenance = inbox_.TakeProvenance();
  ASSERT_EQ(provenance.size(), 2u);
  EXPECT_TRUE(provenance[1] == ProvenanceOf(2));
  EXPECT_TRUE(inbox_.TakeStateLost());
  EXPECT_EQ(inbox_.TakeAssumedHost(), host);
  EXPECT_TRUE(inbox_.TakeProvenance().empty());
  EXPECT_FALSE(inbox_.TakeStateLost());
  EXPECT_FALSE(inbox_.TakeAssumedHost().has_value());
}

TEST_F(UplinkInboxTest, ProvenancePastTheBound_IsRefused) {
  for (size_t i = 0; i < UplinkInbox::kMaxProvenance; ++i) {
    ASSERT_TRUE(inbox_.PutProvenance(ProvenanceOf(1)));
  }
  EXPECT_FALSE(inbox_.PutProvenance(ProvenanceOf(2)));
  EXPECT_EQ(inbox_.TakeProvenance().size(), UplinkInbox::kMaxProvenance);
}

}  // namespace
}  // namespace hoptrail::agent
