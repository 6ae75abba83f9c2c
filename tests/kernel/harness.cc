#include "tests/kernel/harness.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <variant>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "agent/decode/decoder.h"
#include "agent/kernel/plan/force_tiers.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(1);
// A full ring drops the marker, so Settle() makes another one after this time.
constexpr absl::Duration kMarkerEvery = absl::Seconds(5);

// Searches after which the sensor has dropped everything that no search finds any more.
constexpr int kSearches = 4;

// The sensor that the test before has left open.
struct Kept {
  agent::kernel::SensorOptions options;
  std::unique_ptr<agent::kernel::Sensor> sensor;
};
Kept kept;

class OwnNetworkNamespace : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "needs root: programs are loaded into the kernel";
    ASSERT_TRUE(EnterNewNetworkNamespace()) << strerror(errno);
  }
  void TearDown() override { kept.sensor.reset(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new OwnNetworkNamespace);

struct Address {
  sockaddr_storage storage = {};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address MakeAddress(const std::string& text, uint16_t port) {
  Address address;
  if (text.find(':') == std::string::npos) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &v4->sin_addr);
    address.length = sizeof(*v4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr);
    address.length = sizeof(*v6);
  }
  return address;
}

}  // namespace

agent::kernel::ForcedTiers ForcedTiersOfEnvironment() {
  agent::kernel::ForcedTiers forced;
  const char* text = getenv("HOPTRAIL_FORCE_TIERS");
  if (text == nullptr) return forced;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const absl::Status status = agent::kernel::AddForcedTier(part, &forced);
    if (!status.ok()) ADD_FAILURE() << "HOPTRAIL_FORCE_TIERS: " << status;
  }
  return forced;
}

int Rounds(int all) {
  const char* one_in = getenv("HOPTRAIL_ONE_ROUND_IN");
  return one_in == nullptr ? all : std::max(1, all / std::max(1, std::atoi(one_in)));
}

Recorder::Recorder(agent::kernel::SensorOptions options, SensorAge age)
    : options_(std::move(options)), age_(age) {
  if (options_.force_tiers.empty()) options_.force_tiers = ForcedTiersOfEnvironment();
  if (age == SensorAge::kAny) options_.fallbacks_at_once = {"tcp"};
  if (options_.scope_network_namespace == 0) options_.scope_network_namespace = NetworkNamespace();
  sensor_ = std::move(kept.sensor);
  if (sensor_ != nullptr && age == SensorAge::kAny && kept.options == options_) {
    sensor_->ProtectProcesses({});
    // Like a sensor that is opened now, it must know what exists now and nothing else.
    for (int i = 0; i < kSearches; ++i) sensor_->AttachNewUprobes();
    Settle();
    events_.clear();
    for (const auto& loss : sensor_->ReadLosses()) lost_before_[loss.type] += loss.count;
    return;
  }
  sensor_.reset();  // before the next one is opened: each would see the other
  auto sensor = agent::kernel::Sensor::Open(options_);
  if (!sensor.ok()) {
    ADD_FAILURE() << "the sensor does not open: " << sensor.status();
    return;
  }
  sensor_ = *std::move(sensor);
}

Recorder::~Recorder() {
  if (age_ == SensorAge::kFresh || testing::Test::HasFailure()) return;
  kept.options = std::move(options_);
  kept.sensor = std::move(sensor_);
}

uint64_t Recorder::Lost(const std::string& type) const {
  uint64_t count = 0;
  for (const agent::kernel::LossCount& loss : sensor_->ReadLosses()) {
    if (loss.type == type) count += loss.count;
  }
  const auto before = lost_before_.find(type);
  return before == lost_before_.end() ? count : count - before->second;
}

model::SourceCoverage Recorder::CoverageOf(const std::string& source) const {
  if (sensor_ == nullptr) return {};
  for (const model::SourceCoverage& row : sensor_->Coverage()) {
    if (row.source == source) return row;
  }
  ADD_FAILURE() << "no such source in the coverage report: " << source;
  return {};
}

void Recorder::Receive(const void* data, size_t size) {
  auto event = agent::decode::Decode(data, size);
  ASSERT_TRUE(event.ok()) << event.status();
  events_.push_back(*std::move(event));
}

void Recorder::PollOnce() {
  const auto polled = sensor_->Poll(absl::Milliseconds(20),
                                    [this](const void* data, size_t size) { Receive(data, size); });
  ASSERT_TRUE(polled.ok()) << polled.status();
}

void Recorder::Snapshot() {
  if (sensor_ == nullptr) return;
  const absl::Status status =
      sensor_->Snapshot([this](const void* data, size_t size) { Receive(data, size); });
  EXPECT_TRUE(status.ok()) << status;
}

const Event* Recorder::WaitFor(const std::string& what,
                               const std::function<bool(const Event&)>& matches) {
  if (sensor_ == nullptr) return nullptr;
  const absl::Time deadline = absl::Now() + kTimeout;
  size_t checked = 0;
  while (true) {
    for (; checked < events_.size(); ++checked) {
      if (matches(events_[checked])) return &events_[checked];
    }
    if (absl::Now() > deadline) break;
    PollOnce();
  }
  ADD_FAILURE() << "not recorded in time: " << what << " (" << events_.size() << " events)";
  return nullptr;
}

void Recorder::Settle() {
  if (sensor_ == nullptr) return;
  const absl::Time deadline = absl::Now() + kTimeout;
  absl::Time next_marker = absl::InfinitePast();
  std::set<uint32_t> markers;
  for (size_t checked = events_.size(); absl::Now() <= deadline; PollOnce()) {
    for (; checked < events_.size(); ++checked) {
      const bool exit = std::holds_alternative<agent::decode::Exit>(events_[checked].body);
      if (exit && markers.contains(events_[checked].header.process.tgid)) return;
    }
    if (absl::Now() < next_marker) continue;
    Child child([] { return 0; });
    markers.insert(static_cast<uint32_t>(child.pid()));
    child.Wait();
    next_marker = absl::Now() + kMarkerEvery;
  }
  ADD_FAILURE() << "not recorded in time: the marker's exit (" << events_.size() << " events)";
}

bool KernelIsAtLeast(int major, int minor) {
  utsname names = {};
  int running_major = 0, running_minor = 0;
  if (uname(&names) != 0 ||
      std::sscanf(names.release, "%d.%d", &running_major, &running_minor) != 2) {
    ADD_FAILURE() << "not a kernel release: " << names.release;
    return false;
  }
  return running_major > major || (running_major == major && running_minor >= minor);
}

uint32_t NetworkNamespace() {
  struct stat file;
  return stat("/proc/self/ns/net", &file) == 0 ? static_cast<uint32_t>(file.st_ino) : 0;
}

bool EnterNewNetworkNamespace() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strncpy(request.ifr_name, "lo", sizeof(request.ifr_name) - 1);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  return ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

Child::Child(const std::function<int()>& body) {
  pid_ = fork();
  if (pid_ == 0) _exit(body());
  EXPECT_GT(pid_, 0) << strerror(errno);
}

Child::~Child() {
  if (pid_ > 0) Wait();
}

int Child::Wait() {
  int status = -1;
  pid_t waited;
  do {
    waited = waitpid(pid_, &status, 0);
  } while (waited < 0 && errno == EINTR);
  EXPECT_EQ(waited, pid_) << strerror(errno);
  pid_ = -1;
  return status;
}

int Exec(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return 127;
}

bool IsProcess(const model::ProcessKey& key, pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (stat.rfind(')') == std::string::npos) return false;
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  const uint64_t tick_ns = 1'000'000'000 / sysconf(_SC_CLK_TCK);
  return key.tgid == static_cast<uint32_t>(pid) &&
         key.start_boot_ns / tick_ns == std::stoull(field);
}

UniqueFd Listen(const std::string& text, uint16_t* port) {
  Address address = MakeAddress(text, 0);
  UniqueFd fd(socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), address.get(), address.length), 0) << strerror(errno);
  EXPECT_EQ(listen(fd.get(), 512), 0) << strerror(errno);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length),
            0);
  // The port has the same offset in both kinds of address.
  *port = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  return fd;
}

UniqueFd Connect(const std::string& text, uint16_t port) {
  const Address address = MakeAddress(text, port);
  UniqueFd fd(socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), address.get(), address.length) != 0) fd.reset();
  return fd;
}

TcpPair ConnectedPair(const std::string& text) {
  TcpPair pair;
  pair.listener = Listen(text, &pair.port);
  pair.client = Connect(text, pair.port);
  EXPECT_TRUE(pair.client.valid()) << strerror(errno);
  pair.server = UniqueFd(accept4(pair.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(pair.server.valid()) << strerror(errno);
  return pair;
}

bool WriteAll(int fd, size_t bytes) {
  const std::string chunk(65536, 'x');
  while (bytes > 0) {
    const ssize_t count = write(fd, chunk.data(), std::min(bytes, chunk.size()));
    if (count <= 0) return false;
    bytes -= static_cast<size_t>(count);
  }
  return true;
}

bool ReadAll(int fd, size_t bytes) {
  std::string chunk(65536, '\0');
  while (bytes > 0) {
    const ssize_t count = read(fd, chunk.data(), std::min(bytes, chunk.size()));
    if (count <= 0) return false;
    bytes -= static_cast<size_t>(count);
  }
  return true;
}

}  // namespace hoptrail::kernel_test
