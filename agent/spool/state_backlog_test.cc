#include "agent/spool/state_backlog.h"

#include <variant>

#include <gtest/gtest.h>

#include "core/wire/testing.h"

namespace hoptrail::agent::spool {
namespace {

TEST(StateBacklog, SameKeyTwice_KeepsTheLastChange) {
  StateBacklog backlog(100);
  EXPECT_TRUE(backlog.empty());
  model::Session session = wire::TestSession();
  backlog.Put(SaveSession{session});
  session.user = "changed";
  backlog.Put(SaveSession{session});
  backlog.Put(SaveMember{{7, 1}, session.id});
  backlog.Put(RemoveMember{{7, 1}});
  backlog.Put(Acknowledged{wire::TestHost(), 9});
  backlog.Put(Acknowledged{wire::TestHost(), 5});
  size_t sessions = 0, removed = 0, acknowledged = 0;
  const std::vector<Change> changes = backlog.Changes();
  EXPECT_EQ(changes.size(), 3u);
  for (const Change& change : changes) {
    if (const auto* save = std::get_if<SaveSession>(&change)) {
      ++sessions;
      EXPECT_EQ(save->session.user, "changed");
    }
    removed += std::holds_alternative<RemoveMember>(change);
    if (const auto* one = std::get_if<Acknowledged>(&change)) {
      ++acknowledged;
      EXPECT_EQ(one->sequence, 9u);
    }
  }
  EXPECT_EQ(sessions, 1u);
  EXPECT_EQ(removed, 1u);
  EXPECT_EQ(acknowledged, 1u);
  backlog.Clear();
  EXPECT_TRUE(backlog.empty());
}

TEST(StateBacklog, TooManyKeys_GiveUpTheWholeState) {
  StateBacklog backlog(10);
  backlog.Put(Acknowledged{wire::TestHost(), 9});
  for (uint32_t i = 0; i < 10; ++i) backlog.Put(RemoveMember{{i, 1}});
  const std::vector<Change> changes = backlog.Changes();
  ASSERT_EQ(changes.size(), 3u) << "forget all, the acknowledgement, the last member";
  EXPECT_TRUE(std::holds_alternative<ForgetState>(changes[0])) << "before anything that is kept";
}

}  // namespace
}  // namespace hoptrail::agent::spool
