#ifndef HOPTRAIL_TESTS_KERNEL_IO_URING_H_
#define HOPTRAIL_TESTS_KERNEL_IO_URING_H_

// A ring of io_uring by its bare system calls, for tests of what goes past system calls.

#include <atomic>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <linux/io_uring.h>
#include <netinet/in.h>

namespace hoptrail::kernel_test {

// One operation at a time. Errors are results below 0, as the kernel gives them. Used by one
// thread; not to be copied into a child.
class Ring {
 public:
  // `polled`: a thread of the kernel's looks for operations.
  explicit Ring(bool polled);

  // Why there is no ring; 0: there is one.
  int error() const { return error_; }

  // On a file that is registered: before 5.11 the polling thread takes no other. `flags`: IOSQE_….
  int Run(io_uring_sqe entry, int fd, uint8_t flags);
  // On what the operation itself names.
  int Run(const io_uring_sqe& entry);
  // On a ring that has a table of one file, which is empty.
  int RunWithTable(const io_uring_sqe& entry);
  // Waits for no result; true once the kernel has taken it.
  bool Submit(const io_uring_sqe& entry);
  // Whether one is there.
  bool HasResult() const { return cq_head_->load() != cq_tail_->load(); }

 private:
  int Register(int fd);
  bool Enter(unsigned results);

  const bool polled_;
  UniqueFd fd_;
  int error_ = 0;
  io_uring_sqe* entries_ = nullptr;
  std::atomic<uint32_t>* sq_head_ = nullptr;
  std::atomic<uint32_t>* sq_tail_ = nullptr;
  std::atomic<uint32_t>* sq_flags_ = nullptr;
  std::atomic<uint32_t>* cq_head_ = nullptr;
  std::atomic<uint32_t>* cq_tail_ = nullptr;
  uint32_t sq_mask_ = 0, cq_mask_ = 0;
  uint32_t* sq_array_ = nullptr;
  io_uring_cqe* results_ = nullptr;
};

// Who carries out an operation.
struct RingWay {
  const char* name;
  bool polled;
  uint8_t flags;
};

// Tests that are run for each way.
class RingTest : public testing::TestWithParam<RingWay> {
 protected:
  // A child's status: the kernel does not do it this way.
  static constexpr int kRefused = 9;

  void SetUp() override;
};

// The values of INSTANTIATE_TEST_SUITE_P for RingTest.
inline auto RingWays() {
  return testing::Values(RingWay{"ByTheCaller", false, 0}, RingWay{"ByAWorker", false, IOSQE_ASYNC},
                         RingWay{"Polled", true, 0}, RingWay{"PolledByAWorker", true, IOSQE_ASYNC});
}

inline std::string RingWayName(const testing::TestParamInfo<RingWay>& info) {
  return info.param.name;
}

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_IO_URING_H_
