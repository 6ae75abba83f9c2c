// The main program of kernel_guest_tests: all kernel tests in one program, for the guests of
// tests/vm.
//
// Before each test it writes `hoptrail: HOPTRAIL_BATCH SUITE.TEST` to the kernel log, so that one
// can see which test a warning or a panic of the kernel belongs to. A test that has not ended after
// HOPTRAIL_TEST_SECONDS ends the program.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "core/base/unique_fd.h"

namespace hoptrail::kernel_test {
namespace {

// The console shows messages of this level; others it does not.
constexpr char kWarningLevel[] = "<4>";

void EndHungProgram(int) {
  constexpr char kText[] = "the test has not ended in time\n";
  [[maybe_unused]] const ssize_t count = write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(124);
}

class GuestListener : public testing::EmptyTestEventListener {
 public:
  GuestListener() {
    if (const char* batch = getenv("HOPTRAIL_BATCH"); batch != nullptr) batch_ = batch;
    if (const char* seconds = getenv("HOPTRAIL_TEST_SECONDS"); seconds != nullptr) {
      seconds_ = static_cast<unsigned>(std::atoi(seconds));
    }
    signal(SIGALRM, EndHungProgram);
  }

  void OnTestStart(const testing::TestInfo& test) override {
    const std::string line = kWarningLevel + ("hoptrail: " + batch_) + " " +
                             test.test_suite_name() + "." + test.name() + "\n";
    if (write(kernel_log_.get(), line.data(), line.size()) < 0) {
      ADD_FAILURE() << "/dev/kmsg: " << strerror(errno);
    }
    alarm(seconds_);  // children of the test do not inherit it
  }

  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }

 private:
  const UniqueFd kernel_log_{open("/dev/kmsg", O_WRONLY | O_CLOEXEC)};
  std::string batch_ = "-";
  unsigned seconds_ = 0;  // 0: no bound
};

}  // namespace
}  // namespace hoptrail::kernel_test

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new hoptrail::kernel_test::GuestListener);
  return RUN_ALL_TESTS();
}
