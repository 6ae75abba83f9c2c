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
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/session/correlator.h"
#include "core/base/clock.h"
#include "tests/kernel/cgroup.h"
#include "tests/kernel/harness.h"
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

class Nobody : public agent::session::Output {
 public:
  void OnSession(const model::Session&) override {}
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount&) override {}
  void OnLoss(const model::Loss& loss) override { told += loss.count; }
  uint64_t told = 0;
};

// The sensor and the stages behind it, on this thread, as in the agent.
class Observer {
 public:
  explicit Observer(SensorOptions options)
      : correlator_({.clock = &Clock::System(), .watched_ports = options.watched_ports}, &output_) {
    options.scope_network_namespace = network_namespace_;
    auto sensor = agent::kernel::Sensor::Open(options);
    EXPECT_TRUE(sensor.ok()) << sensor.status();
    if (sensor.ok()) sensor_ = *std::move(sensor);
  }

  bool open() const { return sensor_ != nullptr; }
  void Snapshot() {
    const auto status =
        sensor_->Snapshot([this](const void* data, size_t size) { Receive(data, size); });
    EXPECT_TRUE(status.ok()) << status;
  }
  void Poll() {
    const auto polled = sensor_->Poll(
        absl::Milliseconds(20), [this](const void* data, size_t size) { Receive(data, size); });
    ASSERT_TRUE(polled.ok()) << polled.status();
    if (absl::Now() >= tick_) {
      correlator_.Tick();
      tick_ = absl::Now() + absl::Seconds(1);
    }
  }
  // Until the end of a process is told, and with it all that was before.
  void PollUntilExitOf(pid_t pid) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (ended_.count(static_cast<uint32_t>(pid)) == 0 && absl::Now() < deadline) Poll();
    EXPECT_EQ(ended_.count(static_cast<uint32_t>(pid)), 1u) << "the end of " << pid << " is lost";
  }
  // Read, and counted as lost, by the type's name.
  std::map<std::string, uint64_t> read() const { return read_; }
  // What of connections was read, for whom the counts surprise.
  std::string connections_read() const {
    std::string text = absl::StrCat("accepts ", accepts_.all, ", of them handed over ",
                                    accepts_.handed_over, ", elsewhere ", accepts_.elsewhere);
    for (size_t phase = 0; phase < std::size(tcp_); ++phase) {
      absl::StrAppend(&text, "; phase ", phase, " by side ", absl::StrJoin(tcp_[phase], " "));
    }
    return text;
  }
  std::map<std::string, uint64_t> lost() const {
    std::map<std::string, uint64_t> lost;
    for (const auto& loss : sensor_->ReadLosses()) {
      if (!loss.type.empty() && loss.where != "skipped") lost[loss.type] += loss.count;
    }
    return lost;
  }
  // Runs that may have made a record, by type.
  std::map<std::string, uint64_t> skipped() const {
    std::map<std::string, uint64_t> skipped;
    for (const auto& loss : sensor_->ReadLosses()) {
      if (loss.where == "skipped") skipped[loss.type] = loss.count;
    }
    return skipped;
  }
  uint64_t lost_to(const std::string& where) const {
    uint64_t count = 0;
    for (const auto& loss : sensor_->ReadLosses()) count += loss.where == where ? loss.count : 0;
    return count;
  }
  uint64_t told() const { return output_.told; }
  agent::session::Correlator& correlator() { return correlator_; }

 private:
  void Receive(const void* data, size_t size) {
    const auto event = agent::decode::Decode(data, size);
    ASSERT_TRUE(event.ok()) << event.status();
    ++read_[agent::decode::TypeName(event->header.type)];
    if (const auto* tcp = std::get_if<agent::decode::Tcp>(&event->body)) {
      ++tcp_[static_cast<size_t>(tcp->phase)][static_cast<size_t>(tcp->side)];
    } else if (const auto* accept = std::get_if<agent::decode::Accept>(&event->body)) {
      ++accepts_.all;
      accepts_.handed_over += accept->handed_over;
      accepts_.elsewhere += accept->network_namespace != network_namespace_;
    }
    if (std::holds_alternative<agent::decode::Exit>(event->body)) {
      // The storm's own ends would fill this; only ours are asked for.
      if (event->header.parent.tgid == static_cast<uint32_t>(getpid())) {
        ended_.insert(event->header.process.tgid);
      }
    }
    correlator_.Handle(*event);
  }

  Nobody output_;
  agent::session::Correlator correlator_;
  std::unique_ptr<agent::kernel::Sensor> sensor_;
  const uint32_t network_namespace_ = NetworkNamespace();
  std::map<std::string, uint64_t> read_;
  uint64_t tcp_[6][3] = {};  // by TcpPhase and TcpSide
  struct {
    uint64_t all = 0, handed_over = 0, elsewhere = 0;
  } accepts_;
  std::set<uint32_t> ended_;
  absl::Time tick_ = absl::Now();
};

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

// Runs the storm to its end while the observer looks, and returns what it says it made.
std::map<std::string, uint64_t> Blow(Observer* observer, const std::string& kinds,
                                     const std::string& login,
                                     const std::vector<const Cgroup*>& cgroups) {
  std::vector<std::string> command = {StormProgram(), Seconds(), kinds, login};
  for (const Cgroup* cgroup : cgroups) command.push_back(cgroup->path());
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0) << strerror(errno);
  const pid_t storm = fork();
  if (storm == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    _exit(Exec(command));
  }
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
  for (const model::ProcessName& name : observer->correlator().LivingProcesses()) {
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
    EXPECT_LE(accounted, count) << type << "; " << observer.connections_read();
    EXPECT_GE(accounted + skipped[type], count) << type << "; " << observer.connections_read();
    std::cout << "storm: " << weather.name << ": " << type << ": " << count << " made, " << counted
              << " lost\n";
  }
  for (const char* where : {"ring/high", "ring/low", "budget/high", "budget/low", "skipped"}) {
    std::cout << "storm: " << weather.name << ": lost to " << where << ": "
              << observer.lost_to(where) << "\n";
  }
  EXPECT_GE(lost_in_all, weather.must_lose ? 1u : 0u);

  observer.Snapshot();
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
