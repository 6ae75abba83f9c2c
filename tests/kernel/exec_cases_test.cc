// Programs that start unusually: by a thread, after vfork, through a script whose interpreter is a
// script, with other rights, without arguments, under a pid that was used before.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/programs/features.h"
#include "tests/kernel/harness.h"
#include "tests/kernel/perf_listener.h"
#include "tests/kernel/programs.h"
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;
using ::testing::ElementsAre;
using ExecEvent = agent::decode::Exec;

int StartTrue(const std::vector<std::string>&) { return Exec({"/bin/true", "from-set-id"}); }

const SelfPrograms programs({{"start-true", StartTrue}});

const Event* WaitForExec(Recorder* recorder, pid_t pid) {
  return recorder->WaitForBody<ExecEvent>("exec", [&](const Event& event, const ExecEvent&) {
    return event.header.process.tgid == static_cast<uint32_t>(pid);
  });
}

const Event* WaitForFork(Recorder* recorder, pid_t pid) {
  return recorder->WaitForBody<Fork>("fork", [&](const Event&, const Fork& fork) {
    return fork.child.tgid == static_cast<uint32_t>(pid);
  });
}

// With another listener on the tracepoint, a fallback program may run before the program that it
// backs up.
TEST(ExecCasesFreshSensorTest, AnotherPerfListener_EveryExecAndExitIsEmittedOnce) {
  agent::kernel::EnsureTracefs();
  const PerfListener exec("sched/sched_process_exec"), exit("sched/sched_process_exit");
  Recorder recorder({}, SensorAge::kFresh);
  std::vector<pid_t> pids;
  for (int i = 0; i < 20; ++i) {
    Child child([] { return Exec({"/bin/true"}); });
    pids.push_back(child.pid());
    EXPECT_EQ(child.Wait(), 0);
  }
  recorder.Settle();
  std::map<uint32_t, int> execs, exits;
  for (const auto& [event, body] : recorder.All<ExecEvent>()) ++execs[event->header.process.tgid];
  for (const auto& [event, body] : recorder.All<agent::decode::Exit>()) {
    ++exits[event->header.process.tgid];
  }
  for (pid_t pid : pids) {
    // A test that runs beside this one sets the next pid, which two of these processes may get.
    const auto times = std::count(pids.begin(), pids.end(), pid);
    EXPECT_EQ(execs[static_cast<uint32_t>(pid)], times) << pid;
    EXPECT_EQ(exits[static_cast<uint32_t>(pid)], times) << pid;
  }
}

TEST(ExecCasesTest, ExecByAThread_KeepsTheProcessKey) {
  Recorder recorder;
  for (int i = 0; i < 20; ++i) {
    Child child([] {
      std::vector<std::thread> others;
      others.reserve(3);
      for (int n = 0; n < 3; ++n) others.emplace_back([] { pause(); });
      std::thread([] { _exit(Exec({"/bin/true", "by-a-thread"})); }).join();
      return 1;
    });
    const auto pid = static_cast<uint32_t>(child.pid());
    EXPECT_EQ(child.Wait(), 0);
    recorder.Settle();
    const Event* fork = WaitForFork(&recorder, static_cast<pid_t>(pid));
    ASSERT_NE(fork, nullptr);
    const model::ProcessKey key = std::get<Fork>(fork->body).child;
    const Event* exec = WaitForExec(&recorder, static_cast<pid_t>(pid));
    ASSERT_NE(exec, nullptr);
    EXPECT_EQ(exec->header.process, key);
    EXPECT_EQ(exec->header.tid, pid) << "the thread has taken the leader's place";
    EXPECT_EQ(exec->header.parent.tgid, static_cast<uint32_t>(getpid()));
    EXPECT_THAT(std::get<ExecEvent>(exec->body).image.arguments,
                ElementsAre("/bin/true", "by-a-thread"));
    // The end of the other threads, the former leader among them, is not the process's exit.
    for (const auto& [event, exit] : recorder.All<Exit>()) {
      if (event->header.process == key) {
        EXPECT_GT(event->header.boot_ns, exec->header.boot_ns);
      }
    }
    EXPECT_NE(recorder.WaitForBody<Exit>(
                  "its exit",
                  [&](const Event& event, const Exit&) { return event.header.process == key; }),
              nullptr);
  }
}

// Not inline: vfork's child shares the caller's stack.
__attribute__((noinline)) pid_t VforkAndExec(char* const* argv) {
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what is tested
  if (pid == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  return pid;
}

TEST(ExecCasesTest, Vfork_IsEmittedAsAFork) {
  Recorder recorder;
  char program[] = "/bin/true", argument[] = "after-vfork";
  char* const argv[] = {program, argument, nullptr};
  const pid_t pid = VforkAndExec(argv);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  const Event* fork = WaitForFork(&recorder, pid);
  ASSERT_NE(fork, nullptr);
  EXPECT_TRUE(IsProcess(fork->header.process, getpid()));
  const model::ProcessKey key = std::get<Fork>(fork->body).child;
  const Event* exec = WaitForExec(&recorder, pid);
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->header.process, key);
  EXPECT_THAT(std::get<ExecEvent>(exec->body).image.arguments,
              ElementsAre("/bin/true", "after-vfork"));
  EXPECT_NE(recorder.WaitForBody<Exit>(
                "exit", [&](const Event& e, const Exit&) { return e.header.process == key; }),
            nullptr);
}

TEST(ExecCasesTest, ScriptInterpretedByAScript_EmitsBothInTheArguments) {
  Recorder recorder;
  const TestDirectory directory;
  const std::string inner = directory.path() + "/inner", outer = directory.path() + "/outer";
  ASSERT_TRUE(WriteWholeFile(inner, "#!/bin/sh\nexit 0\n"));
  ASSERT_TRUE(WriteWholeFile(outer, "#!" + inner + " --deep\nunread\n"));
  ASSERT_EQ(chmod(inner.c_str(), 0755), 0);
  ASSERT_EQ(chmod(outer.c_str(), 0755), 0);
  Child child([&] { return Exec({outer, "x y"}); });
  const Event* event = WaitForExec(&recorder, child.pid());
  ASSERT_NE(event, nullptr);
  const model::Image& image = std::get<ExecEvent>(event->body).image;
  EXPECT_EQ(image.path, std::filesystem::canonical("/bin/sh"));
  EXPECT_THAT(image.arguments, ElementsAre("/bin/sh", inner, "--deep", outer, "x y"));
  EXPECT_EQ(event->header.command, "outer");
}

struct SetIdCase {
  const char* name;
  uid_t owner;
  mode_t mode;
  bool no_new_privileges;
  uid_t expected_euid;
  gid_t expected_egid;
  bool set_id;
};

class SetIdTest : public testing::TestWithParam<SetIdCase> {};

constexpr uid_t kNobody = 65534, kOther = 65533;

TEST_P(SetIdTest, Exec_EmitsTheEffectiveUserAndGroup) {
  const SetIdCase& c = GetParam();
  Recorder recorder;
  const TestDirectory directory;
  const std::string program = directory.Copy(SelfPath(), "program");
  ASSERT_EQ(chown(program.c_str(), c.owner, c.owner), 0);
  ASSERT_EQ(chmod(program.c_str(), c.mode), 0);
  Child child([&] {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) return 1;
    if (c.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
    return Exec(AsProgram("start-true", {}, program));
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  const Event* event = WaitForExec(&recorder, static_cast<pid_t>(pid));
  ASSERT_NE(event, nullptr);
  const ExecEvent exec = std::get<ExecEvent>(event->body);
  EXPECT_EQ(exec.image.path, program);
  EXPECT_EQ(exec.set_id, c.set_id);
  EXPECT_EQ(event->header.credentials.uid, kNobody);
  EXPECT_EQ(event->header.credentials.gid, kNobody);
  EXPECT_EQ(event->header.credentials.euid, c.expected_euid);
  EXPECT_EQ(event->header.credentials.egid, c.expected_egid);
  // The program that it starts gains no rights by its own exec, and keeps the effective user.
  const Event* next =
      recorder.WaitForBody<ExecEvent>("the second exec", [&](const Event& e, const ExecEvent& x) {
        return e.header.process.tgid == pid && x.image.arguments.size() == 2 &&
               x.image.arguments[1] == "from-set-id";
      });
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->header.credentials.euid, c.expected_euid);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, SetIdTest,
    testing::Values(SetIdCase{"Root", 0, 04755, false, 0, kNobody, true},
                    SetIdCase{"AnotherUser", kOther, 04755, false, kOther, kNobody, true},
                    SetIdCase{"Group", kOther, 02755, false, kNobody, kOther, true},
                    SetIdCase{"Forbidden", 0, 04755, true, kNobody, kNobody, false},
                    SetIdCase{"Plain", 0, 0755, false, kNobody, kNobody, false}),
    [](const auto& info) { return info.param.name; });

// The environment follows the arguments in memory and must not be read as arguments.
TEST(ExecCasesTest, ExecWithoutArguments_EmitsNoEnvironment) {
  Recorder recorder;
  Child child([] {
    char* const argv[] = {nullptr};
    char secret[] = "SECRET=environment";
    char* const environment[] = {secret, nullptr};
    syscall(SYS_execve, "/bin/true", argv, environment);
    return 127;
  });
  const Event* event = WaitForExec(&recorder, child.pid());
  ASSERT_NE(event, nullptr);
  // From 5.18 on the kernel adds an empty argument.
  for (const std::string& argument : std::get<ExecEvent>(event->body).image.arguments) {
    EXPECT_EQ(argument, "");
  }
  EXPECT_FALSE(std::get<ExecEvent>(event->body).image.arguments_truncated);
}

TEST(ExecCasesTest, FailedExecs_OnlyTheSuccessfulOneIsEmitted) {
  Recorder recorder;
  const TestDirectory directory;
  const std::string garbage = directory.path() + "/garbage";
  ASSERT_TRUE(WriteWholeFile(garbage, "not a program"));
  ASSERT_EQ(chmod(garbage.c_str(), 0755), 0);
  Child child([&] {
    Exec({garbage});
    Exec({directory.path() + "/absent"});
    return Exec({"/bin/true", "after-failures"});
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  std::vector<std::vector<std::string>> emitted;
  for (const auto& [event, exec] : recorder.All<ExecEvent>()) {
    if (event->header.process.tgid == pid) emitted.push_back(exec->image.arguments);
  }
  EXPECT_THAT(emitted, ElementsAre(ElementsAre("/bin/true", "after-failures")));
}

// A child with the pid `wanted`, which must be free. Tries again where another process takes the
// pid first; nullptr if that happens every time.
template <typename Body>
std::unique_ptr<Child> ForkAs(pid_t wanted, const Body& body) {
  for (int i = 0; i < 200; ++i) {
    if (!WriteWholeFile("/proc/sys/kernel/ns_last_pid", std::to_string(wanted - 1))) return nullptr;
    auto child = std::make_unique<Child>([&] { return getpid() == wanted ? body() : 0; });
    if (child->pid() == wanted) return child;
  }
  return nullptr;
}

TEST(ExecCasesTest, ReusedPid_IsAnotherProcess) {
  Recorder recorder;
  // The first process listens, so that its children would get session tags.
  pid_t pid = 0;
  {
    Child first([] {
      uint16_t port = 0;
      const UniqueFd listener = Listen("127.0.0.1", &port);
      return Exec({"/bin/true", "first"});
    });
    pid = first.pid();
    EXPECT_EQ(first.Wait(), 0);
  }
  const auto second = ForkAs(pid, [] {
    Child child([] { return Exec({"/bin/true", "of-the-second"}); });
    return child.Wait();
  });
  ASSERT_NE(second, nullptr) << "no child got the pid " << pid
                             << " through /proc/sys/kernel/ns_last_pid";
  EXPECT_EQ(second->Wait(), 0);
  recorder.Settle();
  std::vector<model::ProcessKey> keys;
  for (const auto& [event, fork] : recorder.All<Fork>()) {
    if (fork->child.tgid == static_cast<uint32_t>(pid)) keys.push_back(fork->child);
  }
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_NE(keys[0], keys[1]);
  std::vector<model::ProcessKey> ended;
  for (const auto& [event, exit] : recorder.All<Exit>()) {
    if (event->header.process.tgid == static_cast<uint32_t>(pid)) {
      ended.push_back(event->header.process);
    }
  }
  ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
  EXPECT_EQ(ended, keys);
  // The second process does not inherit that the first one listened.
  const Event* exec = recorder.WaitForBody<ExecEvent>("exec", [](const Event&, const auto& body) {
    return body.image.arguments.size() == 2 && body.image.arguments[1] == "of-the-second";
  });
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->header.parent, keys[1]);
  EXPECT_TRUE(exec->header.tag.empty());
}

}  // namespace
}  // namespace hoptrail::kernel_test
