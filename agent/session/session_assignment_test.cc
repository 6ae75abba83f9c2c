#include "agent/session/session_assignment.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

class SessionAssignmentTest : public testing::Test {
 protected:
  process::Process& Process(uint32_t tgid, uint32_t parent, const std::string& program = "") {
    decode::Header header;
    header.boot_ns = ++now_;
    header.process = {.tgid = tgid, .start_boot_ns = tgid};
    header.parent = {.tgid = parent, .start_boot_ns = parent};
    header.namespaces.pid = 100;
    bool created = false;
    process::Process& process = *tables_.processes.Upsert(header, &created);
    if (!program.empty()) {
      model::Image image;
      image.path = program;
      tables_.processes.SetImage(process, image, now_);
    }
    return process;
  }
  void Assign(process::Process& process) {
    for (process::Process* each : assignment_.UnassignedChain(process)) assignment_.Assign(*each);
  }

  FakeClock clock_;
  uint64_t now_ = 1000;
  HostTables tables_{{.clock = &clock_, .user_resolver = [](uint32_t) { return "staff"; }}};
  SessionAssignment assignment_{100, nullptr, &tables_};
};

TEST_F(SessionAssignmentTest, UnassignedChain_BeginsWithTheTopmostAncestorWithoutASession) {
  process::Process& top = Process(10, 1, "/usr/sbin/cups");
  process::Process& middle = Process(20, 10);
  process::Process& leaf = Process(30, 20);
  EXPECT_EQ(assignment_.UnassignedChain(leaf),
            (std::vector<process::Process*>{&top, &middle, &leaf}));
  Assign(middle);
  EXPECT_EQ(assignment_.UnassignedChain(leaf), (std::vector<process::Process*>{&leaf}));
}

TEST_F(SessionAssignmentTest, Assign_ProcessIsInItsParentsSession) {
  process::Process& top = Process(10, 1, "/usr/sbin/cups");
  process::Process& leaf = Process(20, 10);
  Assign(leaf);
  EXPECT_FALSE(leaf.session.empty());
  EXPECT_EQ(leaf.session, top.session);
  EXPECT_EQ(tables_.NodeOf(leaf)->session.kind, model::EntryKind::kService);
}

TEST_F(SessionAssignmentTest, Assign_SavedProcessIsInItsSavedSession) {
  model::Session saved;
  saved.id.bytes[0] = 9;
  saved.kind = model::EntryKind::kRemote;
  assignment_.Restore({.sessions = {saved}, .members = {{{30, 30}, saved.id}}});
  EXPECT_TRUE(assignment_.WasSaved({30, 30}));
  Process(10, 1, "/usr/sbin/sshd");
  process::Process& member = Process(30, 10);
  Assign(member);
  EXPECT_EQ(member.session, saved.id);
  assignment_.ForgetSaved();
  EXPECT_FALSE(assignment_.WasSaved({30, 30}));
}

TEST_F(SessionAssignmentTest, NewSession_MovesTheDescendantsToo) {
  process::Process& top = Process(10, 1, "/usr/sbin/sshd");
  process::Process& head = Process(20, 10);
  process::Process& child = Process(30, 20);
  process::Process& sibling = Process(40, 10);
  for (process::Process* each : {&child, &sibling}) Assign(*each);
  Node* node = assignment_.opener().NewSession(head, model::EntryKind::kConsole);
  EXPECT_EQ(head.session, node->session.id);
  EXPECT_EQ(child.session, node->session.id);
  EXPECT_EQ(sibling.session, top.session);
  EXPECT_NE(top.session, node->session.id);
}

TEST_F(SessionAssignmentTest, NewJob_InARemoteSessionIsCausedByIt) {
  process::Process& top = Process(10, 1, "/usr/sbin/cron");
  process::Process& head = Process(20, 10);
  Assign(head);
  const model::SessionId cause = top.session;
  tables_.NodeOf(top)->from_remote = true;
  const Node* job = assignment_.jobs().NewJob(head, 1000);
  EXPECT_EQ(job->session.caused_by, cause);
  EXPECT_TRUE(job->from_remote);
  EXPECT_EQ(job->session.user, "staff");
}

}  // namespace
}  // namespace hoptrail::agent::session
