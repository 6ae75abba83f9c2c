// Starts a program and waits for its end.
#ifndef HOPTRAIL_TESTS_BENCH_LOAD_PROGRAM_H_
#define HOPTRAIL_TESTS_BENCH_LOAD_PROGRAM_H_

#include <unistd.h>

#include <string>

#include "measure.h"
#include <sys/wait.h>

namespace hoptrail::bench {

// `bench-nothing` in the directory of `self`, the path by which this program was called.
class Program {
 public:
  explicit Program(const std::string& self)
      : path_(self.substr(0, self.rfind('/') + 1) + "bench-nothing") {
    if (access(path_.c_str(), X_OK) != 0) Die(path_.c_str());
  }

  void Run() {
    char* const arguments[] = {path_.data(), nullptr};
    char* const environment[] = {nullptr};
    // NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): nothing is cheaper
    const pid_t pid = vfork();
    if (pid == 0) {
      execve(arguments[0], arguments, environment);
      _exit(127);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) Die("running bench-nothing");
  }

 private:
  std::string path_;
};

}  // namespace hoptrail::bench

#endif  // HOPTRAIL_TESTS_BENCH_LOAD_PROGRAM_H_
