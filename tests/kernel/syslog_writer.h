#ifndef HOPTRAIL_TESTS_KERNEL_SYSLOG_WRITER_H_
#define HOPTRAIL_TESTS_KERNEL_SYSLOG_WRITER_H_

// For tests of the uprobes on syslog: a program under sshd's name that writes messages to syslog,
// run with a C library of the test's choice. A test program that uses it runs `WriteSyslog` as
// "write-syslog" (SelfPrograms).

#include <fcntl.h>
#include <signal.h>
#include <syslog.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <sys/prctl.h>

namespace hoptrail::kernel_test {

// Writes a message to syslog as sshd does.
inline void LogAsSshd(const std::string& message) { syslog(LOG_INFO, "%.500s", message.c_str()); }

// The program: writes a message to syslog for each byte that it reads, as sshd does, and answers
// with a byte.
inline int WriteSyslog(const std::vector<std::string>& arguments) {
  prctl(PR_SET_NAME, arguments.at(0).c_str());
  char byte = 0;
  do {
    const std::string text = arguments.at(1) + byte;
    if (byte != 0) LogAsSshd(text);
    if (write(STDOUT_FILENO, "r", 1) != 1) return 1;
  } while (read(STDIN_FILENO, &byte, 1) == 1);
  return 0;
}

// The C library that the test program itself runs with.
inline std::string OwnLibrary() {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    const size_t path = line.find('/');
    if (path != std::string::npos && line.find("/libc.so.6") != std::string::npos) {
      return line.substr(path);
    }
  }
  ADD_FAILURE() << "this program has no libc.so.6, so it cannot be run with a copy of one";
  return "/nothing";
}

class SyslogWriter {
 public:
  // Runs with the C library in `directory`, or with the usual one if that is empty.
  explicit SyslogWriter(const std::string& directory, const std::string& command = "sshd") {
    static int count = 0;
    prefix_ = "message of " + std::to_string(++count);
    EXPECT_EQ(pipe2(in_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out_, O_CLOEXEC), 0);
    child_ = std::make_unique<Child>([&] {
      dup2(in_[0], STDIN_FILENO);
      dup2(out_[1], STDOUT_FILENO);
      if (!directory.empty()) setenv("LD_LIBRARY_PATH", directory.c_str(), 1);
      return Exec(AsProgram("write-syslog", {command, prefix_}));
    });
    close(in_[0]);
    close(out_[1]);
    EXPECT_TRUE(Answered()) << "the program does not start";
  }
  ~SyslogWriter() {
    close(in_[1]);
    close(out_[0]);
  }

  pid_t pid() const { return child_->pid(); }

  // Writes a new message. Returns how often the recorder has recorded it.
  size_t TimesRecorded(Recorder* recorder) {
    const char letter = static_cast<char>('a' + written_++ % 26);
    EXPECT_EQ(write(in_[1], &letter, 1), 1);
    EXPECT_TRUE(Answered());
    recorder->Settle();
    size_t count = 0;
    for (const auto& [event, message] : recorder->All<agent::decode::SshdMessage>()) {
      count += message->text == prefix_ + letter &&
               event->header.process.tgid == static_cast<uint32_t>(child_->pid());
    }
    return count;
  }

 private:
  bool Answered() const {
    char byte;
    return read(out_[0], &byte, 1) == 1;
  }

  std::string prefix_;
  int in_[2], out_[2];
  int written_ = 0;
  std::unique_ptr<Child> child_;
};

// A process whose root directory is `directory`, as in a container. The destructor kills it.
class ContainerProcess {
 public:
  explicit ContainerProcess(const std::string& directory) {
    int ready[2];
    EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
    child_ = std::make_unique<Child>([&] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (chroot(directory.c_str()) != 0 || write(ready[1], "r", 1) != 1) return 1;
      return pause();
    });
    close(ready[1]);
    char byte;
    EXPECT_EQ(read(ready[0], &byte, 1), 1) << "no process has started in " << directory;
    close(ready[0]);
  }
  ~ContainerProcess() { kill(child_->pid(), SIGKILL); }

 private:
  std::unique_ptr<Child> child_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_SYSLOG_WRITER_H_
