// Records of tampering with the sensor. The test itself stands for the sensor's process; its
// children are the processes that tamper.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/waiting_process.h"
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::ObjectKind;
using agent::decode::Tampering;
using agent::decode::TamperingKind;

uint32_t Tgid(pid_t pid) { return static_cast<uint32_t>(pid); }

TEST(TamperingTest, SignalsFromAnotherProcess_AreEmittedOnceEach) {
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("signals to the sensor").hook, "");
  WaitingProcess victim, bystander;
  recorder.sensor()->ProtectProcesses({Tgid(victim.pid())});
  Child other_process([&] {
    kill(bystander.pid(), SIGCONT);
    kill(victim.pid(), 0);  // only asks whether it exists
    for (int i = 0; i < 10; ++i) kill(victim.pid(), SIGCONT);
    kill(victim.pid(), SIGSTOP);
    return kill(victim.pid(), SIGKILL);
  });
  const pid_t pid = other_process.pid();
  EXPECT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  std::map<uint32_t, int> emitted;
  for (const auto& [event, tampering] : recorder.All<Tampering>()) {
    EXPECT_EQ(event->header.process.tgid, Tgid(pid));
    EXPECT_EQ(tampering->kind, TamperingKind::kSignal);
    EXPECT_EQ(tampering->target.tgid, Tgid(victim.pid()));
    EXPECT_GT(tampering->target.start_boot_ns, 0u);
    EXPECT_EQ(tampering->target_command, event->header.command);
    ++emitted[tampering->signal];
  }
  EXPECT_EQ(emitted, (std::map<uint32_t, int>{{SIGCONT, 1}, {SIGSTOP, 1}, {SIGKILL, 1}}));
}

TEST(TamperingTest, SignalFromTheSensorsOwnProcess_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  WaitingProcess worker;
  recorder.sensor()->ProtectProcesses({Tgid(getpid()), Tgid(worker.pid())});
  ASSERT_EQ(kill(worker.pid(), SIGKILL), 0);
  Child child([] { return 0; });  // the kernel signals its exit to this process
  child.Wait();
  recorder.Settle();
  EXPECT_EQ(recorder.All<Tampering>().size(), 0u);
}

TEST(TamperingTest, SignalToAProcessNoLongerProtected_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  WaitingProcess former, current;
  recorder.sensor()->ProtectProcesses({Tgid(former.pid())});
  recorder.sensor()->ProtectProcesses({Tgid(current.pid())});
  ASSERT_EQ(kill(former.pid(), SIGCONT), 0);
  ASSERT_EQ(kill(current.pid(), SIGCONT), 0);
  recorder.Settle();
  ASSERT_EQ(recorder.All<Tampering>().size(), 1u);
  EXPECT_EQ(recorder.All<Tampering>()[0].second->target.tgid, Tgid(current.pid()));
}

TEST(TamperingTest, Ptrace_IsEmitted) {
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("tracing of the sensor").hook, "");
  WaitingProcess victim;
  recorder.sensor()->ProtectProcesses({Tgid(victim.pid())});
  Child other_process([&] {
    if (ptrace(PTRACE_ATTACH, victim.pid(), nullptr, nullptr) != 0) return 1;
    int status;
    if (waitpid(victim.pid(), &status, __WALL) != victim.pid()) return 2;
    return ptrace(PTRACE_DETACH, victim.pid(), nullptr, nullptr) == 0 ? 0 : 3;
  });
  const pid_t pid = other_process.pid();
  EXPECT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  ASSERT_EQ(recorder.All<Tampering>().size(), 1u);
  const auto [event, tampering] = recorder.All<Tampering>()[0];
  EXPECT_EQ(tampering->kind, TamperingKind::kPtrace);
  EXPECT_EQ(event->header.process.tgid, Tgid(pid));
  EXPECT_EQ(tampering->target.tgid, Tgid(victim.pid()));
}

// /proc/PID/mem gives the same access as ptrace without a signal, so the hook on signals misses it.
TEST(TamperingTest, MemoryOpenedForWriting_IsEmittedWhereTheHookSeesIt) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  WaitingProcess victim;
  recorder.sensor()->ProtectProcesses({Tgid(victim.pid())});
  Child other_process([&] {
    const std::string directory = "/proc/" + std::to_string(victim.pid());
    const UniqueFd memory(open((directory + "/mem").c_str(), O_RDWR | O_CLOEXEC));
    // Opened for reading only: not emitted.
    const UniqueFd maps(open((directory + "/maps").c_str(), O_RDONLY | O_CLOEXEC));
    return memory.valid() && maps.valid() ? 0 : 1;
  });
  EXPECT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  const std::string hook = recorder.CoverageOf("tracing of the sensor").hook;
  EXPECT_EQ(recorder.All<Tampering>().size(), hook == "tp_btf/signal_generate" ? 0u : 1u);
}

// The ids of every object of a kind on this host.
std::vector<uint32_t> Ids(uint32_t next_command) {
  std::vector<uint32_t> ids;
  bpf_attr attributes = {};
  while (syscall(SYS_bpf, next_command, &attributes, sizeof(attributes)) == 0) {
    ids.push_back(attributes.next_id);
    attributes.start_id = attributes.next_id;
  }
  return ids;
}

int OpenById(uint32_t command, uint32_t id) {
  bpf_attr attributes = {};
  attributes.prog_id = id;  // the same field holds the id of a map or link
  const long fd = syscall(SYS_bpf, command, &attributes, sizeof(attributes));
  if (fd >= 0) close(static_cast<int>(fd));
  return static_cast<int>(fd);
}

// An inventory tool (bpftool, perf) opens every object of the host, the sensor's among them: here
// twice.
TEST(TamperingTest, EveryObjectOpenedTwice_EmitsOneRecordPerKind) {
  const std::map<ObjectKind, std::pair<uint32_t, uint32_t>> kinds = {
      {ObjectKind::kProgram, {BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID}},
      {ObjectKind::kMap, {BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID}},
      {ObjectKind::kLink, {BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID}},
  };
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("bpf on the sensor").hook, "");
  Child other_process([&] {
    for (int round = 0; round < 2; ++round) {
      for (const auto& [kind, commands] : kinds) {
        for (uint32_t id : Ids(commands.first)) OpenById(commands.second, id);
      }
    }
    return 0;
  });
  const pid_t pid = other_process.pid();
  EXPECT_EQ(other_process.Wait(), 0);
  // The process that has loaded the objects may open them.
  for (uint32_t id : Ids(BPF_MAP_GET_NEXT_ID)) OpenById(BPF_MAP_GET_FD_BY_ID, id);
  recorder.Settle();
  std::map<ObjectKind, int> emitted;
  for (const auto& [event, tampering] : recorder.All<Tampering>()) {
    EXPECT_EQ(event->header.process.tgid, Tgid(pid));
    EXPECT_EQ(tampering->kind, TamperingKind::kBpf);
    ASSERT_EQ(kinds.count(tampering->object), 1u);
    EXPECT_EQ(tampering->bpf_command, kinds.at(tampering->object).second);
    EXPECT_GT(tampering->object_id, 0u);
    ++emitted[tampering->object];
  }
  EXPECT_EQ(emitted,
            (std::map<ObjectKind, int>{
                {ObjectKind::kProgram, 1}, {ObjectKind::kMap, 1}, {ObjectKind::kLink, 1}}));
}

// A handle of the sensor's own object `name`, opened by its id as another process would open it.
// Other tests' sensors may run at the same time, so it looks among the descriptors that the child
// has inherited from the process that loaded the sensor. `what`: "bpf-map" or "bpf-prog".
template <typename Info>
UniqueFd OpenByName(const std::string& what, uint32_t open_command, const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone) != "anon_inode:" + what) continue;
    Info info = {};
    bpf_attr attributes = {};
    attributes.info.bpf_fd = static_cast<uint32_t>(std::stoi(entry.path().filename().string()));
    attributes.info.info_len = sizeof(info);
    attributes.info.info = reinterpret_cast<uint64_t>(&info);
    if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) != 0) continue;
    if (info.name != name) continue;
    attributes = {};
    attributes.prog_id = info.id;
    return UniqueFd(
        static_cast<int>(syscall(SYS_bpf, open_command, &attributes, sizeof(attributes))));
  }
  return UniqueFd();
}

long OnMap(uint32_t command, int map, const void* key, void* value) {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(map);
  attributes.key = reinterpret_cast<uint64_t>(key);
  attributes.value = reinterpret_cast<uint64_t>(value);
  return syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

constexpr char kSyscallHook[] = "tp/syscalls/sys_exit_bpf";

TEST(TamperingTest, UseOfAHandle_IsEmittedOncePerCommand) {
  Recorder recorder;
  const std::string hook = recorder.CoverageOf("bpf on the sensor").hook;
  ASSERT_NE(hook, "");
  Child other_process([&] {
    const UniqueFd map = OpenByName<bpf_map_info>("bpf-map", BPF_MAP_GET_FD_BY_ID, "attempts");
    const UniqueFd program =
        OpenByName<bpf_prog_info>("bpf-prog", BPF_PROG_GET_FD_BY_ID, "ht_snapshot_pro");
    if (!map.valid() || !program.valid()) return 1;
    // In the table `attempts` the kernel side counts attempts by others: an entry may come and go.
    const char key[24] = {1};
    char value[16] = {};
    if (OnMap(BPF_MAP_LOOKUP_ELEM, map.get(), key, value) == 0) return 2;  // only reads
    if (OnMap(BPF_MAP_UPDATE_ELEM, map.get(), key, value) != 0) return 3;
    if (OnMap(BPF_MAP_DELETE_ELEM, map.get(), key, nullptr) != 0) return 4;
    bpf_attr attributes = {};
    attributes.link_create.prog_fd = static_cast<uint32_t>(program.get());
    attributes.link_create.attach_type = BPF_TRACE_ITER;
    const UniqueFd link(
        static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes))));
    if (!link.valid()) return 5;
    // Refused: a program that has no socket cannot be attached to one.
    attributes = {};
    attributes.target_fd = static_cast<uint32_t>(map.get());
    attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
    attributes.attach_type = BPF_SK_SKB_STREAM_PARSER;
    return syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes)) == 0 ? 6 : 0;
  });
  const pid_t pid = other_process.pid();
  ASSERT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  std::map<uint32_t, ObjectKind> emitted;
  for (const auto& [event, tampering] : recorder.All<Tampering>()) {
    EXPECT_EQ(event->header.process.tgid, Tgid(pid));
    EXPECT_EQ(tampering->kind, TamperingKind::kBpf);
    EXPECT_TRUE(emitted.emplace(tampering->bpf_command, tampering->object).second)
        << "emitted twice";
  }
  std::map<uint32_t, ObjectKind> expected = {
      {BPF_MAP_GET_FD_BY_ID, ObjectKind::kMap}, {BPF_PROG_GET_FD_BY_ID, ObjectKind::kProgram},
      {BPF_MAP_UPDATE_ELEM, ObjectKind::kMap},  {BPF_MAP_DELETE_ELEM, ObjectKind::kMap},
      {BPF_LINK_CREATE, ObjectKind::kProgram},
  };
  if (hook != kSyscallHook) expected.emplace(BPF_PROG_ATTACH, ObjectKind::kProgram);
  EXPECT_EQ(emitted, expected);
}

TEST(TamperingTest, MapMappedForWriting_IsEmittedWhereTheHookSeesIt) {
  Recorder recorder;
  const model::SourceCoverage coverage = recorder.CoverageOf("bpf on the sensor");
  ASSERT_NE(coverage.hook, "");
  Child other_process([&] {
    const UniqueFd map = OpenByName<bpf_map_info>("bpf-map", BPF_MAP_GET_FD_BY_ID, "sensor_b.bss");
    if (!map.valid()) return 1;
    void* const read = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, map.get(), 0);
    void* const write = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0);
    return read != MAP_FAILED && write != MAP_FAILED ? 0 : 2;
  });
  ASSERT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  int mapped = 0;
  for (const auto& [event, tampering] : recorder.All<Tampering>()) {
    if (tampering->kind != TamperingKind::kMap) continue;
    EXPECT_EQ(tampering->object, ObjectKind::kMap);
    ++mapped;
  }
  const bool misses = std::count(coverage.misses.begin(), coverage.misses.end(),
                                 "maps that are written through memory") > 0;
  EXPECT_EQ(mapped, misses ? 0 : 1);
}

// The process that has loaded the programs uses them all the time.
TEST(TamperingTest, UseByTheLoader_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  recorder.sensor()->AttachNewUprobes();
  ASSERT_TRUE(recorder.sensor()->Snapshot([](const void*, size_t) {}).ok());
  recorder.Settle();
  EXPECT_EQ(recorder.All<Tampering>().size(), 0u);
}

// Objects of other programs are none of the sensor's.
TEST(TamperingTest, HandleOfAnotherProgramsObject_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  Child other_process([&] {
    bpf_attr attributes = {};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    const long map = syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes));
    bpf_map_info info = {};
    attributes = {};
    attributes.info.bpf_fd = static_cast<uint32_t>(map);
    attributes.info.info_len = sizeof(info);
    attributes.info.info = reinterpret_cast<uint64_t>(&info);
    if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) != 0) return 1;
    uint32_t key = 0, value = 7;
    if (OnMap(BPF_MAP_UPDATE_ELEM, static_cast<int>(map), &key, &value) != 0) return 3;
    return OpenById(BPF_MAP_GET_FD_BY_ID, info.id) >= 0 ? 0 : 2;
  });
  EXPECT_EQ(other_process.Wait(), 0);
  recorder.Settle();
  EXPECT_EQ(recorder.All<Tampering>().size(), 0u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
