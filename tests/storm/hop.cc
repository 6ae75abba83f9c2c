// The light login: far cheaper than sshd's, so that a busy machine can make a thousand of them. The
// sensor recognizes it by what every login has: a listener that forks, a child that sets its audit
// login uid, and a program run on the socket.
//
//   storm-hop serve PORT UID SESSION
//       makes each connection a login of UID that runs the program SESSION, which is this program
//       under another path
//   storm-hop
//       is the session: reads one line, `stay`, `hop ADDRESS PORT` or `run COMMAND`; answers one
//       line, or becomes the shell of COMMAND
//   storm-hop run ADDRESS PORT COMMAND
//       runs COMMAND in a login on that host and prints its output
//   storm-hop go COUNT ADDRESS PORT NEXT_ADDRESS NEXT_PORT [PERIOD_MS]
//       COUNT times, one after the other: logs in to the first host, and from that session to the
//       next; prints a line for each success. Begins them PERIOD_MS apart, or each when the last
//       has ended.
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace {

constexpr int kPatienceSeconds = 120;
constexpr int kMostHops = 100'000;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  _exit(1);
}

std::string ReadLine(int fd) {
  std::string line;
  char byte = 0;
  while (line.size() < 1024 && read(fd, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

bool Write(int fd, const std::string& text) {
  return write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string AuditSession() {
  const int fd = open("/proc/self/sessionid", O_RDONLY | O_CLOEXEC);
  char text[32] = {};
  if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) Die("sessionid");
  close(fd);
  return text;
}

// Numeric addresses only, of both families.
int Connect(const char* address, const char* port) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address, port, &hints, &found) != 0) Die("getaddrinfo");
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) Die("connect");
  freeaddrinfo(found);
  return fd;
}

// The port of this end.
int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) Die("getsockname");
  // The port is at the same offset for both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

int Session() {
  alarm(kPatienceSeconds);
  const std::string order = ReadLine(STDIN_FILENO);
  std::string answer = AuditSession();
  char address[64] = {}, port[16] = {};
  if (std::sscanf(order.c_str(), "hop %63s %15s", address, port) == 2) {
    const int next = Connect(address, port);
    if (!Write(next, "stay\n")) Die("onward");
    const std::string beyond = ReadLine(next);
    if (beyond.empty()) Die("no answer from the next host");
    answer += " " + std::to_string(PortOf(next)) + " " + beyond;
  } else if (order.rfind("run ", 0) == 0) {
    alarm(0);
    execl("/bin/sh", "sh", "-c", order.c_str() + 4, nullptr);
    return 1;
  } else if (order != "stay") {
    return 1;
  }
  return Write(STDOUT_FILENO, answer + "\n") ? 0 : 1;
}

[[noreturn]] void BecomeSession(int connection, const char* uid, const std::string& program) {
  const int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, uid, std::strlen(uid)) < 0) Die("loginuid");
  close(fd);
  for (int stream = 0; stream < 3; ++stream) dup2(connection, stream);
  execl(program.c_str(), "storm-session", nullptr);
  _exit(127);
}

int Serve(const char* port, const char* uid, const std::string& session_program) {
  signal(SIGCHLD, SIG_IGN);
  const int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<uint16_t>(std::atoi(port)));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Die("bind");
  if (listen(listener, 64) != 0) Die("listen");
  std::printf("ready\n");
  std::fflush(stdout);
  while (true) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) Die("accept");
    if (fork() == 0) BecomeSession(connection, uid, session_program);
    close(connection);
  }
}

int Run(const char* address, const char* port, const std::string& command) {
  const int fd = Connect(address, port);
  if (!Write(fd, "run " + command + "\n")) Die("write");
  for (std::string line = ReadLine(fd); !line.empty(); line = ReadLine(fd)) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  return 0;
}

void SleepUntil(timespec when) {
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

int Go(int count, char** targets, long period_ms) {
  timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (int i = 0; i < count; ++i) {
    alarm(kPatienceSeconds);
    SleepUntil(due);
    due.tv_nsec += period_ms % 1000 * 1'000'000;
    due.tv_sec += period_ms / 1000 + due.tv_nsec / 1'000'000'000;
    due.tv_nsec %= 1'000'000'000;
    const int fd = Connect(targets[0], targets[1]);
    if (!Write(fd, std::string("hop ") + targets[2] + " " + targets[3] + "\n")) Die("write");
    const std::string answer = ReadLine(fd);
    if (answer.empty()) Die("no answer");
    std::printf("%d %s\n", PortOf(fd), answer.c_str());
    std::fflush(stdout);
    close(fd);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string self = argv[0];
  const std::string mode = argc > 1 ? argv[1] : "session";
  // A login's program has a path of its own, as a shell has.
  if (mode == "serve" && argc == 5) return Serve(argv[2], argv[3], argv[4]);
  if (mode == "session") return Session();
  if (mode == "run" && argc == 5) return Run(argv[2], argv[3], argv[4]);
  if (mode == "go" && (argc == 7 || argc == 8)) {
    const int period_ms = argc == 8 ? std::max(std::atoi(argv[7]), 0) : 0;
    return Go(std::min(std::atoi(argv[2]), kMostHops), argv + 3, period_ms);
  }
  std::fprintf(stderr, "usage: see the head of hop.cc\n");
  return 2;
}
