// A storm in one cgroup and in many, with nobody else in the watched namespace: what was read and
// what was counted as lost is exactly what the storm says it made; and after a fresh snapshot the
// process table is what /proc shows.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "tests/kernel/cgroup.h"
#include "tests/kernel/harness.h"
#include "tests/storm/observer.h"
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::kernel::SensorOptions;

// For how long each storm blows; more by hand.
std::string Seconds() {
  const char* seconds = getenv("HOPTRAIL_STORM_SECONDS");
  return seconds == nullptr ? "5" : seconds;
}

// Of each kind of record: far fewer than a storm makes, or than are read of one, in its seconds.
constexpr uint64_t kLeastOfAKind = 100;
constexpr size_t kTypes = 6;  // of records that a storm says it made

// A process that does nothing until it is killed.
class Sleeper {
 public:
  Sleeper()
      : child_([] {
          prctl(PR_SET_PDEATHSIG, SIGKILL);
          while (true) pause();
          return 0;
        }) {}
  ~Sleeper() { kill(child_.pid(), SIGKILL); }

 private:
  Child child_;
};

// {"fork": 12, …} of the storm's last line.
std::map<std::string, uint64_t> ReadCounts(int fd) {
  std::string text;
  char chunk[1024];
  ssize_t count;
  while ((count = read(fd, chunk, sizeof(chunk))) > 0) text.append(chunk, count);
  std::map<std::string, uint64_t> counts;
  for (absl::string_view pair : absl::StrSplit(text, absl::ByAnyChar("{},\n"), absl::SkipEmpty())) {
    const std::vector<std::string> parts =
        absl::StrSplit(pair, absl::ByAnyChar("\": "), absl::SkipEmpty());
    uint64_t value = 0;
    if (parts.size() == 2 && absl::SimpleAtoi(parts[1], &value)) counts[parts[0]] = value;
  }
  return counts;
}

std::string StormProgram() {
  char self[4096] = {};
  EXPECT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
  const std::string tests = std::string(self).substr(0, std::string(self).rfind('/'));
  return tests + "/../bin/storm";
}

// What the storm says at its end goes to `output`.
pid_t Start(const std::vector<std::string>& command, int output) {
  const pid_t storm = fork();
  if (storm == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    _exit(Exec(command));
  }
  return storm;
}

// Runs the storm to its end while the observer looks, and returns what it says it made.
std::map<std::string, uint64_t> Blow(Observer* observer, const std::string& kinds,
                                     const std::string& login,
                                     const std::vector<const Cgroup*>& cgroups) {
  std::vector<std::string> command = {StormProgram(), Seconds(), kinds, login};
  for (const Cgroup* cgroup : cgroups) command.push_back(cgroup->path());
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0) << strerror(errno);
  const pid_t storm = Start(command, ends[1]);
  close(ends[1]);
  int status = -1;
  while (waitpid(storm, &status, WNOHANG) == 0) observer->Poll();
  EXPECT_EQ(status, 0) << "the storm failed";
  auto counts = ReadCounts(ends[0]);
  close(ends[0]);
  counts.erase("open");
  counts.erase("failures");
  ++counts["fork"];  // the storm itself
  ++counts["exec"];
  ++counts["exit"];
  return counts;
}

// Everything is in the rings before this process's end; makes its own fork and exit.
void Settle(Observer* observer, std::map<std::string, uint64_t>* made) {
  // What floods have refused, they refuse no more: let the rings run empty first.
  for (int i = 0; i < 20; ++i) observer->Poll();
  Child marker([] { return 0; });
  const pid_t pid = marker.pid();
  marker.Wait();
  observer->PollUntilExitOf(pid);
  ++(*made)["fork"];
  ++(*made)["exit"];
}

bool IsZombie(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t end = stat.rfind(')');
  return end == std::string::npos || stat[end + 2] == 'Z';
}

// The living processes of this network namespace.
std::set<uint32_t> ProcessesOfProc() {
  std::set<uint32_t> pids;
  DIR* directory = opendir("/proc");
  while (const dirent* entry = readdir(directory)) {
    const std::string pid = entry->d_name;
    uint32_t number = 0;
    struct stat file;
    if (absl::SimpleAtoi(pid, &number) &&
        stat(absl::StrCat("/proc/", pid, "/ns/net").c_str(), &file) == 0 &&
        file.st_ino == NetworkNamespace() && !IsZombie(pid)) {
      pids.insert(number);
    }
  }
  closedir(directory);
  return pids;
}

void ExpectTableIsProc(Observer* observer) {
  std::set<uint32_t> table;
  for (const model::ProcessKey& name : observer->correlator().LivingProcesses()) {
    if (name.tgid == 1) continue;  // known as a parent; not of this namespace
    EXPECT_TRUE(IsProcess(name, static_cast<pid_t>(name.tgid))) << name.tgid << " is dead";
    EXPECT_FALSE(observer->correlator().SessionOf(name).empty()) << name.tgid << " has no session";
    table.insert(name.tgid);
  }
  EXPECT_EQ(table, ProcessesOfProc());
}

struct Weather {
  const char* name;
  const char* kinds;
  const char* login;
  int cgroups;
  uint32_t low_ring_bytes;
  bool must_lose;
};

class StormTest : public testing::TestWithParam<Weather> {};

TEST_P(StormTest, WhatWasReadAndWhatWasLostIsWhatWasMade) {
  const Weather& weather = GetParam();
  std::vector<std::unique_ptr<Cgroup>> cgroups;
  std::vector<const Cgroup*> names;
  for (int i = 0; i < weather.cgroups; ++i) {
    cgroups.push_back(std::make_unique<Cgroup>("storm" + std::to_string(i)));
    names.push_back(cgroups.back().get());
  }
  SensorOptions options;
  if (weather.low_ring_bytes != 0) options.low_ring_bytes = weather.low_ring_bytes;
  const Sleeper before[5];
  Observer observer(options);
  ASSERT_TRUE(observer.open());
  observer.Snapshot();
  const Sleeper after[5];
  std::map<std::string, uint64_t> made = Blow(&observer, weather.kinds, weather.login, names);
  made["fork"] += 5;  // the sleepers
  Settle(&observer, &made);
  EXPECT_EQ(made.size(), kTypes);

  const auto read = observer.read();
  const auto lost = observer.lost();
  auto skipped = observer.skipped();
  uint64_t lost_in_all = 0;
  for (const auto& [type, count] : made) {
    const auto found = read.find(type);
    const auto missing = lost.find(type);
    const uint64_t counted = missing == lost.end() ? 0 : missing->second;
    lost_in_all += counted;
    const uint64_t accounted = (found == read.end() ? 0 : found->second) + counted;
    // A storm that did not blow, or of which nothing could be read, would account for itself.
    if (type == "sshd" && !absl::StrContains(weather.kinds, "log")) {
      EXPECT_EQ(count, 0u);
    } else {
      EXPECT_GE(count, kLeastOfAKind) << type;
      EXPECT_GE(found == read.end() ? 0u : found->second, kLeastOfAKind) << type;
    }
    EXPECT_LE(accounted, count) << type << "; " << observer.connections_read();
    EXPECT_GE(accounted + skipped[type], count) << type << "; " << observer.connections_read();
    std::cout << "storm: " << weather.name << ": " << type << ": " << count << " made, " << counted
              << " lost\n";
  }
  for (const char* where : {"ring/high", "ring/low", "budget/high", "budget/low", "skipped"}) {
    std::cout << "storm: " << weather.name << ": lost to " << where << ": "
              << observer.lost_to(where) << "\n";
  }
  if (weather.must_lose) {
    EXPECT_GE(lost_in_all, 1u);
  }

  observer.Snapshot();
  ExpectTableIsProc(&observer);
}

// A reader that comes late finds full rings, and takes its snapshot before it has read them.
TEST(LateReaderTest, WhatItReadsAfterItsSnapshotBringsNobodyBack) {
  Observer observer({.low_ring_bytes = 64 << 10});
  ASSERT_TRUE(observer.open());
  observer.Snapshot();
  const pid_t storm = Start({StormProgram(), "60", "fork,exec", "-"}, STDERR_FILENO);
  const absl::Time patience = absl::Now() + absl::Seconds(30);
  while (observer.lost()["exit"] == 0 && absl::Now() < patience) usleep(10'000);
  EXPECT_EQ(kill(storm, SIGTERM), 0);
  int status = -1;
  EXPECT_EQ(waitpid(storm, &status, 0), storm);
  EXPECT_EQ(status, 0);
  EXPECT_GE(observer.lost()["exit"], 1u);

  observer.Snapshot();
  const absl::Time settled = absl::Now() + absl::Seconds(4);
  while (absl::Now() < settled) observer.Poll();
  observer.correlator().Tick();
  ExpectTableIsProc(&observer);
}

INSTANTIATE_TEST_SUITE_P(
    Weathers, StormTest,
    testing::Values(Weather{"OneCgroup", "fork,exec,connect,open,log", "-", 1, 0, false},
                    Weather{"ManyCgroups", "fork,exec,connect,open,log", "-", 6, 0, false},
                    Weather{"InALogin", "fork,exec,connect,log", "4242", 1, 0, false},
                    Weather{"SmallRing", "fork,exec,connect", "-", 2, 64 << 10, true}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hoptrail::kernel_test
