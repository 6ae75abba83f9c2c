#include "agent/process/process_table.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::process {
namespace {

decode::Header HeaderOf(model::ProcessKey process, model::ProcessKey parent = {1, 1}) {
  decode::Header header;
  header.process = process;
  header.parent = parent;
  header.credentials.uid = 1000;
  return header;
}

Process* Seen(ProcessTable& table, const decode::Header& header) {
  bool created = false;
  return table.Upsert(header, &created);
}

TEST(ProcessTableTest, Fork_ChildInheritsAndASecondRecordChangesNothing) {
  ProcessTable table;
  Process* parent = Seen(table, HeaderOf({10, 100}));
  model::Image image;
  image.path = "/usr/sbin/sshd";
  image.arguments = {"sshd", "-D"};
  table.SetImage(*parent, image, 5);
  bool created = false;
  Process* child = table.Fork(*parent, {{11, 200}, {11, 200}}, &created);
  ASSERT_NE(child, nullptr);
  EXPECT_TRUE(created);
  EXPECT_EQ(child->program(), "/usr/sbin/sshd");
  EXPECT_FALSE(child->executed);
  EXPECT_EQ(child->credentials.uid, 1000u);
  EXPECT_EQ(table.Fork(*parent, {{11, 200}, {11, 200}}, &created), child);
  EXPECT_FALSE(created);
  EXPECT_EQ(parent->living_children, 1u);
  EXPECT_TRUE(child->image->arguments.empty());
}

TEST(ProcessTableTest, ProcessesOfTheSameProgram_ShareItsImage) {
  ProcessTable table;
  Process* one = Seen(table, HeaderOf({10, 100}));
  Process* other = Seen(table, HeaderOf({11, 200}));
  model::Image image;
  image.path = "/usr/bin/ssh";
  image.device = 1;
  image.inode = 7;
  table.SetImage(*one, image, 5);
  table.SetImage(*other, image, 6);
  EXPECT_EQ(one->image, other->image);
  image.path = "/usr/bin/renamed";
  table.SetImage(*other, image, 7);
  EXPECT_EQ(other->program(), "/usr/bin/renamed");
  EXPECT_EQ(one->program(), "/usr/bin/ssh");
}

TEST(ProcessTableTest, Reparenting_KeepsTheParentOfTheFork) {
  ProcessTable table;
  Process* parent = Seen(table, HeaderOf({10, 100}));
  bool created = false;
  Process* child = table.Fork(*parent, {{11, 200}, {}}, &created);
  EXPECT_EQ(Seen(table, HeaderOf({11, 200}, {1, 1})), child);
  EXPECT_EQ(child->parent, (model::ProcessKey{10, 100}));
}

TEST(ProcessTableTest, ReusedPid_IsAnotherProcessAndFindsTheOneWhoseExitWasLost) {
  ProcessTable table;
  Process* first = Seen(table, HeaderOf({10, 100}));
  EXPECT_EQ(table.FindReplaced({10, 100}), nullptr);
  Process* second = Seen(table, HeaderOf({10, 500}));
  EXPECT_NE(first, second);
  // The first one's exit was lost: it is found in whichever order the two are inserted.
  EXPECT_EQ(table.FindReplaced({10, 500}), first);
  EXPECT_EQ(table.FindReplaced({10, 100}), first);
  EXPECT_TRUE(table.Exit(*first, 600));
  EXPECT_EQ(table.FindReplaced({10, 500}), nullptr);
}

TEST(ProcessTableTest, EndedProcess_IsKeptForTheConfiguredTime) {
  ProcessTable table({.max_processes = 100, .max_ended = 10, .keep_ended_ns = 50});
  Process* process = Seen(table, HeaderOf({10, 100}));
  EXPECT_TRUE(table.Exit(*process, 1000));
  EXPECT_FALSE(table.Exit(*process, 1001));
  table.Age(1050);
  EXPECT_NE(table.Find({10, 100}), nullptr);
  table.Age(1051);
  EXPECT_EQ(table.Find({10, 100}), nullptr);
}

TEST(ProcessTableTest, ForgottenProcess_IsNotFoundAgainWhenALaterOneTakesItsMemory) {
  ProcessTable table({.max_processes = 100, .max_ended = 10, .keep_ended_ns = 50});
  EXPECT_EQ(table.Find({10, 100}), nullptr);
  Process* first = Seen(table, HeaderOf({10, 100}));
  EXPECT_EQ(table.Find({10, 100}), first);
  table.Exit(*first, 1000);
  table.Age(2000);
  Process* later = Seen(table, HeaderOf({10, 900}));
  EXPECT_EQ(table.Find({10, 100}), nullptr);
  EXPECT_EQ(table.Find({10, 900}), later);
  EXPECT_EQ(table.Find({}), nullptr);
}

TEST(ProcessTableTest, FullTable_CountsWhatItDropsAndReusesEndedProcesses) {
  ProcessTable table({.max_processes = 3, .max_ended = 10, .keep_ended_ns = 1'000'000});
  Process* process = nullptr;
  for (uint32_t i = 1; i <= 3; ++i) process = Seen(table, HeaderOf({i, i}));
  EXPECT_EQ(Seen(table, HeaderOf({4, 4})), nullptr);
  EXPECT_EQ(table.dropped(), 1u);
  table.Exit(*process, 10);
  EXPECT_NE(Seen(table, HeaderOf({4, 4})), nullptr);  // the ended one made room
  EXPECT_EQ(table.size(), 3u);
}

TEST(ProcessTableTest, Snapshot_FindsProcessesWhoseExitWasLost) {
  ProcessTable table;
  Seen(table, HeaderOf({10, 100}));
  Seen(table, HeaderOf({11, 100}));
  Seen(table, HeaderOf({12, 900}));
  table.BeginSnapshot(800);
  table.MarkInSnapshot({10, 100});
  EXPECT_EQ(table.EndSnapshot(), (std::vector<model::ProcessKey>{{11, 100}}));
  EXPECT_TRUE(table.EndSnapshot().empty());
}

}  // namespace
}  // namespace hoptrail::agent::process
