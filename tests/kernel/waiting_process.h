#ifndef HOPTRAIL_TESTS_KERNEL_WAITING_PROCESS_H_
#define HOPTRAIL_TESTS_KERNEL_WAITING_PROCESS_H_

#include <unistd.h>

#include <optional>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {

// A child process that waits until the object is destroyed, or until it is killed.
class WaitingProcess {
 public:
  WaitingProcess() {
    EXPECT_EQ(pipe(pipe_), 0);
    child_.emplace([this] {
      char byte;
      close(pipe_[1]);
      return read(pipe_[0], &byte, 1) >= 0 ? 0 : 1;
    });
    close(pipe_[0]);
  }
  ~WaitingProcess() {
    close(pipe_[1]);
    child_.reset();
  }
  pid_t pid() const { return child_->pid(); }

 private:
  int pipe_[2];
  std::optional<Child> child_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_WAITING_PROCESS_H_
