// Generates events as fast as it can and counts them, with one process for each kind and cgroup.
//
//   storm-load SECONDS KINDS LOGIN_UID|- [CGROUP_DIRECTORY...]
//
// KINDS is a list of fork, exec, connect, open and log, joined by commas. With a LOGIN_UID (not
// "-") everything happens in a login of its own. Without a cgroup the program stays in its own. It
// uses only loopback, a file of its own and a /dev/log of its own. It ends after SECONDS, or sooner
// when it gets SIGTERM, and prints one line of JSON: how many records of each type the kernel side
// should have made.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace {

constexpr int kMostSeconds = 600;
constexpr size_t kMostWorkers = 256;

// Shared by all workers.
struct Counts {
  std::atomic<uint64_t> forks, execs, exits, tcp, accepts, messages, opens, failures;
  std::atomic<bool> stop;
};

Counts* counts = nullptr;
time_t deadline = 0;
std::string nothing;  // the program to execute

bool Over() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec >= deadline || counts->stop;
}

void Stop(int) { counts->stop = true; }

[[noreturn]] void Die(const char* what) {
  perror(what);
  _exit(1);
}

void WaitForEnd(pid_t pid, bool executes) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ++counts->exits;
  if (status != 0) {
    ++counts->failures;
  } else if (executes) {
    ++counts->execs;
  }
}

void ForkRepeatedly() {
  while (!Over()) {
    const pid_t pid = vfork();
    if (pid == 0) _exit(0);
    if (pid < 0) Die("vfork");
    ++counts->forks;
    WaitForEnd(pid, /*executes=*/false);
  }
}

void ExecRepeatedly() {
  char* const arguments[] = {nothing.data(), nullptr};
  char* const environment[] = {nullptr};
  while (!Over()) {
    const pid_t pid = vfork();
    if (pid == 0) {
      execve(arguments[0], arguments, environment);
      _exit(127);
    }
    if (pid < 0) Die("vfork");
    ++counts->forks;
    WaitForEnd(pid, /*executes=*/true);
  }
}

// Both ends are in one process. The reset at the end keeps ports from being used up (TIME_WAIT).
void ConnectRepeatedly() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0) Die("bind");
  if (listen(listener, 8) != 0) Die("listen");
  ++counts->tcp;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  while (!Over()) {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client, reinterpret_cast<sockaddr*>(&address), length) != 0) Die("connect");
    const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (server < 0) Die("accept");
    // Some tiers see not the accept, but the first use of the socket.
    if (send(server, "x", 1, 0) != 1) Die("send");
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client);
    close(server);
    ++counts->accepts;
    counts->tcp += 5;  // connect, established and closed at both ends
  }
}

void OpenRepeatedly() {
  char path[] = "/tmp/hoptrail-storm-XXXXXX";
  const int made = mkstemp(path);
  if (made < 0) Die("mkstemp");
  close(made);
  while (!Over()) {
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0 || write(fd, path, sizeof(path)) != sizeof(path)) Die("open");
    close(fd);
    ++counts->opens;
  }
  unlink(path);
}

// Logs under the name sshd, as an intruder would to drown sshd's own messages.
void LogRepeatedly() {
  if (unshare(CLONE_NEWNS) != 0) Die("unshare");
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Die("mount /");
  if (mount("tmpfs", "/dev", "tmpfs", 0, "size=1m") != 0) Die("mount /dev");
  const int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/dev/log");
  if (bind(log, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Die("/dev/log");
  prctl(PR_SET_NAME, "sshd");
  char received[2048];
  while (!Over()) {
    // The sensor parses the text, so it is exactly what sshd passes.
    syslog(LOG_INFO, "%.500s", "Accepted publickey for root from 192.0.2.1 port 4242 ssh2");
    if (recv(log, received, sizeof(received), 0) <= 0) ++counts->failures;
    ++counts->messages;
  }
}

void EnterCgroup(const std::string& directory) {
  const int fd = open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) Die(directory.c_str());
  close(fd);
}

void LogIn(const char* uid) {
  const int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, uid, std::strlen(uid)) < 0) Die("loginuid");
  close(fd);
}

void (*GeneratorOf(const std::string& kind))() {
  if (kind == "fork") return ForkRepeatedly;
  if (kind == "exec") return ExecRepeatedly;
  if (kind == "connect") return ConnectRepeatedly;
  if (kind == "open") return OpenRepeatedly;
  if (kind == "log") return LogRepeatedly;
  std::fprintf(stderr, "no such kind: %s\n", kind.c_str());
  std::exit(2);
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void PrintCounts() {
  std::printf(
      "{\"fork\": %llu, \"exec\": %llu, \"exit\": %llu, \"tcp\": %llu, \"accept\": %llu, "
      "\"sshd\": %llu, \"open\": %llu, \"failures\": %llu}\n",
      static_cast<unsigned long long>(counts->forks.load()),
      static_cast<unsigned long long>(counts->execs.load()),
      static_cast<unsigned long long>(counts->exits.load()),
      static_cast<unsigned long long>(counts->tcp.load()),
      static_cast<unsigned long long>(counts->accepts.load()),
      static_cast<unsigned long long>(counts->messages.load()),
      static_cast<unsigned long long>(counts->opens.load()),
      static_cast<unsigned long long>(counts->failures.load()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atoi(argv[1]) < 1 || std::atoi(argv[1]) > kMostSeconds) {
    std::fprintf(stderr, "usage: storm-load SECONDS KINDS LOGIN_UID|- [CGROUP_DIRECTORY...]\n");
    return 2;
  }
  nothing = std::string(argv[0]).substr(0, std::string(argv[0]).rfind('/') + 1) + "storm-nothing";
  if (access(nothing.c_str(), X_OK) != 0) Die(nothing.c_str());
  void* shared =
      mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) Die("mmap");
  counts = new (shared) Counts{};
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  deadline = now.tv_sec + std::atoi(argv[1]);
  signal(SIGTERM, Stop);
  if (std::strcmp(argv[3], "-") != 0) LogIn(argv[3]);

  std::vector<std::string> cgroups(argv + 4, argv + argc);
  if (cgroups.empty()) cgroups.emplace_back();
  std::vector<pid_t> workers;
  const pid_t self = getpid();
  for (const std::string& cgroup : cgroups) {
    for (const std::string& kind : Split(argv[2])) {
      void (*const generate)() = GeneratorOf(kind);
      if (workers.size() >= kMostWorkers) Die("too many workers");
      const pid_t pid = fork();
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, SIG_IGN);
        if (getppid() != self) _exit(1);
        if (!cgroup.empty()) EnterCgroup(cgroup);
        generate();
        _exit(0);
      }
      if (pid < 0) Die("fork");
      ++counts->forks;
      workers.push_back(pid);
    }
  }
  for (pid_t pid : workers) WaitForEnd(pid, /*executes=*/false);
  PrintCounts();
  return counts->failures == 0 ? 0 : 1;
}
