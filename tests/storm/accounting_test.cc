// A load generator in one cgroup and in many, with nobody else in the watched namespace: records
// read plus records counted as lost are exactly what the generator made, and after a fresh snapshot
// the process table equals /proc.

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

// Duration of each load; longer by hand.
std::string Seconds() {
  const char* seconds = getenv("HOPTRAIL_STORM_SECONDS");
  return seconds == nullptr ? "5" : seconds;
}

// Least count of each type of record: far fewer than a generator makes, or than are read, in that
// time.
constexpr uint64_t kLeastOfAKind = 100;
constexpr size_t kTypes = 6;  // types of records that the generator counts

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

// Parses the generator's last line, {"fork": 12, …}.
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

std::string LoadGenerator() {
  char self[4096] = {};
  EXPECT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
  const std::string tests = std::string(self).substr(0, std::string(self).rfind('/'));
  return tests + "/../bin/storm-load";
}

// Starts the generator, whose counts go to `output` when it ends.
pid_t Start(const std::vector<std::string>& command, int output) {
  const pid_t generator = fork();
  if (generator == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    _exit(Exec(command));
  }
  return generator;
}

// Runs the generator to its end while the observer reads, and returns how many records of each type
// it made.
std::map<std::string, uint64_t> GenerateLoad(Observer* observer, const std::string& kinds,
                                             const std::string& login,
                                             const std::vector<const Cgroup*>& cgroups) {
  std::vector<std::string> command = {LoadGenerator(), Seconds(), kinds, login};
  for (const Cgroup* cgroup : cgroups) command.push_back(cgroup->path());
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0) << strerror(errno);
  const pid_t generator = Start(command, ends[1]);
  close(ends[1]);
  int status = -1;
  while (waitpid(generator, &status, WNOHANG) == 0) observer->Poll();
  EXPECT_EQ(status, 0) << "the load generator failed";
  auto counts = ReadCounts(ends[0]);
  close(ends[0]);
  counts.erase("open");
  counts.erase("failures");
  ++counts["fork"];  // the generator itself
  ++counts["exec"];
  ++counts["exit"];
  return counts;
}

// Reads all records that are in the rings by now. Makes, and counts, one fork and one exit.
void Settle(Observer* observer, std::map<std::string, uint64_t>* made) {
  // Empties the rings first, so that the marker's records are not refused by a budget.
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

void ExpectTableEqualsProc(Observer* observer) {
  std::set<uint32_t> table;
  for (const model::ProcessKey& key : observer->correlator().LivingProcesses()) {
    if (key.tgid == 1) continue;  // in the table as a parent, but not in this namespace
    EXPECT_TRUE(IsProcess(key, static_cast<pid_t>(key.tgid))) << key.tgid << " is dead";
    EXPECT_FALSE(observer->correlator().SessionOf(key).empty()) << key.tgid << " has no session";
    table.insert(key.tgid);
  }
  EXPECT_EQ(table, ProcessesOfProc());
}

struct Load {
  const char* name;
  const char* kinds;
  const char* login;
  int cgroups;
  uint32_t low_ring_bytes;
  bool must_lose;
};

class AccountingTest : public testing::TestWithParam<Load> {};

TEST_P(AccountingTest, FloodOfRecords_ReadPlusLostEqualsMade) {
  const Load& load = GetParam();
  std::vector<std::unique_ptr<Cgroup>> cgroups;
  std::vector<const Cgroup*> pointers;
  for (int i = 0; i < load.cgroups; ++i) {
    cgroups.push_back(std::make_unique<Cgroup>("storm" + std::to_string(i)));
    pointers.push_back(cgroups.back().get());
  }
  SensorOptions options;
  if (load.low_ring_bytes != 0) options.low_ring_bytes = load.low_ring_bytes;
  const Sleeper before[5];
  Observer observer(options);
  ASSERT_TRUE(observer.open());
  observer.Snapshot();
  const Sleeper after[5];
  std::map<std::string, uint64_t> made = GenerateLoad(&observer, load.kinds, load.login, pointers);
  made["fork"] += 5;  // the sleepers
  Settle(&observer, &made);
  EXPECT_EQ(made.size(), kTypes);

  const auto read = observer.read();
  const auto lost = observer.lost();
  auto recursion_misses = observer.recursion_misses();
  uint64_t lost_in_all = 0;
  for (const auto& [type, count] : made) {
    const auto found = read.find(type);
    const auto missing = lost.find(type);
    const uint64_t counted = missing == lost.end() ? 0 : missing->second;
    lost_in_all += counted;
    const uint64_t accounted = (found == read.end() ? 0 : found->second) + counted;
    // Without these checks a generator that made nothing would satisfy the equation below.
    if (type == "sshd" && !absl::StrContains(load.kinds, "log")) {
      EXPECT_EQ(count, 0u);
    } else {
      EXPECT_GE(count, kLeastOfAKind) << type;
      EXPECT_GE(found == read.end() ? 0u : found->second, kLeastOfAKind) << type;
    }
    EXPECT_LE(accounted, count) << type << "; " << observer.connections_read();
    EXPECT_GE(accounted + recursion_misses[type], count)
        << type << "; " << observer.connections_read();
    std::cout << "storm: " << load.name << ": " << type << ": " << count << " made, " << counted
              << " lost\n";
  }
  for (const char* where : {"ring/high", "ring/low", "budget/high", "budget/low", "skipped"}) {
    std::cout << "storm: " << load.name << ": lost to " << where << ": " << observer.lost_to(where)
              << "\n";
  }
  if (load.must_lose) {
    EXPECT_GE(lost_in_all, 1u);
  }

  observer.Snapshot();
  ExpectTableEqualsProc(&observer);
}

// A reader that starts late finds full rings, and takes its snapshot before it has read them.
TEST(LateReaderTest, RecordsReadAfterTheSnapshot_BringNoEndedProcessBack) {
  Observer observer({.low_ring_bytes = 64 << 10});
  ASSERT_TRUE(observer.open());
  observer.Snapshot();
  const pid_t generator = Start({LoadGenerator(), "60", "fork,exec", "-"}, STDERR_FILENO);
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (observer.lost()["exit"] == 0 && absl::Now() < deadline) usleep(10'000);
  EXPECT_EQ(kill(generator, SIGTERM), 0);
  int status = -1;
  EXPECT_EQ(waitpid(generator, &status, 0), generator);
  EXPECT_EQ(status, 0);
  EXPECT_GE(observer.lost()["exit"], 1u);

  observer.Snapshot();
  const absl::Time settled = absl::Now() + absl::Seconds(4);
  while (absl::Now() < settled) observer.Poll();
  observer.correlator().Tick();
  ExpectTableEqualsProc(&observer);
}

INSTANTIATE_TEST_SUITE_P(
    Loads, AccountingTest,
    testing::Values(Load{"OneCgroup", "fork,exec,connect,open,log", "-", 1, 0, false},
                    Load{"ManyCgroups", "fork,exec,connect,open,log", "-", 6, 0, false},
                    Load{"InALogin", "fork,exec,connect,log", "4242", 1, 0, false},
                    Load{"SmallRing", "fork,exec,connect", "-", 2, 64 << 10, true}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hoptrail::kernel_test
