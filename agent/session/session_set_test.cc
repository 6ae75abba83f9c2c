#include "agent/session/session_set.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

process::Process ProcessOf(uint32_t tgid) {
  process::Process process;
  process.key = {.tgid = tgid, .start_boot_ns = tgid};
  return process;
}

TEST(SessionSetTest, Find_GivesEachSessionItsNodeAndNoneToTheEmptyId) {
  FakeClock clock;
  SessionSet sessions({.clock = &clock});
  Node* one = sessions.Create(ProcessOf(10), model::EntryKind::kService);
  Node* other = sessions.Create(ProcessOf(11), model::EntryKind::kConsole);
  EXPECT_NE(one, other);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sessions.Find(one->session.id), one);
    EXPECT_EQ(sessions.Find(other->session.id), other);
    EXPECT_EQ(sessions.Find({}), nullptr);
  }
}

TEST(SessionSetTest, SessionThatWasFoundLast_IsNotFoundAfterItWasForgotten) {
  FakeClock clock;
  SessionSet sessions({.clock = &clock});
  Node* node = sessions.Create(ProcessOf(10), model::EntryKind::kService);
  const model::SessionId id = node->session.id;
  process::Process process = ProcessOf(10);
  sessions.Join(process, *node, 10);
  sessions.Leave(process, 20);
  EXPECT_EQ(sessions.Find(id), node);
  sessions.Age(clock.BootNs() + 61'000'000'000);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.Find(id), nullptr);
}

}  // namespace
}  // namespace hoptrail::agent::session
