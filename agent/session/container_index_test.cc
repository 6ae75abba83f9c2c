#include "agent/session/container_index.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

class ContainerIndexTest : public testing::Test {
 protected:
  process::Process Process(uint32_t tgid, uint32_t pid_namespace,
                           const std::string& container = "") {
    process::Process process;
    process.key = {.tgid = tgid, .start_boot_ns = tgid};
    process.namespaces.pid = pid_namespace;
    process.own_events = true;
    if (!container.empty()) {
      auto group = std::make_shared<process::ControlGroup>();
      group->container = container;
      process.group = std::move(group);
    }
    return process;
  }
  Node& Session(const process::Process& first) {
    return *sessions_.Create(first, model::EntryKind::kContainer);
  }

  FakeClock clock_;
  SessionSet sessions_{{.clock = &clock_}};
  ContainerIndex index_{/*host_pid_namespace=*/100, &sessions_};
};

TEST_F(ContainerIndexTest, NameOf_IsTheRuntimesNameOrThePidNamespace) {
  EXPECT_EQ(index_.NameOf(Process(5, 100)), "");
  EXPECT_EQ(index_.NameOf(Process(5, 400)), "pid:[400]");
  EXPECT_EQ(index_.NameOf(Process(5, 400, "3f2a")), "3f2a");
  process::Process forked = Process(5, 400);
  forked.own_events = false;
  EXPECT_EQ(index_.NameOf(forked), "") << "it shows its parent's namespace";
}

TEST_F(ContainerIndexTest, OpenSession_IsFoundByNameAndByPidNamespace) {
  const process::Process first = Process(5, 400, "3f2a");
  Node& node = Session(first);
  index_.Set(node, first, "3f2a");
  EXPECT_EQ(node.session.unit, "3f2a");
  EXPECT_EQ(index_.FindOpen("3f2a"), &node);
  EXPECT_EQ(index_.FindOpen("pid:[400]"), &node);
  EXPECT_EQ(index_.FindOpen(""), nullptr);
  EXPECT_EQ(index_.FindOpen("other"), nullptr);
}

TEST_F(ContainerIndexTest, ClosedSession_IsNotFound) {
  const process::Process first = Process(5, 400);
  Node& node = Session(first);
  index_.Set(node, first, "pid:[400]");
  sessions_.Close(node, 1);
  EXPECT_EQ(index_.FindOpen("pid:[400]"), nullptr) << "the kernel reuses the number";
}

TEST_F(ContainerIndexTest, ForgetClosed_KeepsOpenSessions) {
  for (uint32_t i = 1; i <= 300; ++i) {
    const process::Process first = Process(i, 100);
    Node& node = Session(first);
    index_.Set(node, first, absl::StrCat("c", i));
    if (i > 1) sessions_.Close(node, 1);
  }
  index_.ForgetClosed();
  EXPECT_NE(index_.FindOpen("c1"), nullptr);
  EXPECT_EQ(index_.FindOpen("c2"), nullptr);
}

}  // namespace
}  // namespace hoptrail::agent::session
