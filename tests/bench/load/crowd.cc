// Many processes and open connections that do nothing.
//
//   bench-crowd PROCESSES SOCKETS
//
// Prints `ready` when all of them exist. Ends with all of them when its standard input ends.
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "network.h"
#include <sys/prctl.h>
#include <sys/resource.h>

namespace {

using hoptrail::bench::Die;

constexpr int kMost = 200'000;
// Bounded by a process's limit of descriptors; each connection uses two.
constexpr int kConnectionsEach = 5'000;

[[noreturn]] void Wait(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  for (;;) pause();
}

// Each holder uses an address of its own, because an address has too few ports for all.
void Hold(int count, int number) {
  hoptrail::bench::Connections connections(INADDR_LOOPBACK + static_cast<in_addr_t>(number));
  for (int i = 0; i < count; ++i) connections.Open();
}

}  // namespace

int main(int argc, char** argv) {
  const int processes = argc == 3 ? std::atoi(argv[1]) : -1;
  const int sockets = argc == 3 ? std::atoi(argv[2]) : -1;
  if (processes < 0 || processes > kMost || sockets < 0 || sockets > kMost) {
    std::fprintf(stderr, "usage: bench-crowd PROCESSES SOCKETS\n");
    return 2;
  }
  hoptrail::bench::TakeOwnNetwork();
  signal(SIGCHLD, SIG_IGN);
  const pid_t self = getpid();
  for (int i = 0; i < processes; ++i) {
    const pid_t pid = fork();
    if (pid == 0) Wait(self);
    if (pid < 0) Die("fork");
  }
  int made[2];
  if (pipe(made) != 0) Die("pipe");
  int holders = 0;
  for (int left = sockets / 2; left > 0; left -= kConnectionsEach, ++holders) {
    const pid_t pid = fork();
    if (pid == 0) {
      Hold(std::min(left, kConnectionsEach), holders);
      if (write(made[1], "", 1) != 1) Die("write");
      Wait(self);
    }
    if (pid < 0) Die("fork");
  }
  close(made[1]);
  char byte;
  for (int i = 0; i < holders; ++i) {
    if (read(made[0], &byte, 1) != 1) Die("holding connections");
  }
  std::printf("ready\n");
  std::fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
