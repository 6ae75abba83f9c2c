#ifndef HOPTRAIL_TESTS_KERNEL_IO_URING_H_
#define HOPTRAIL_TESTS_KERNEL_IO_URING_H_

// A ring of io_uring on its bare system calls, for tests of what hooks on system calls do not see.

#include <atomic>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <linux/io_uring.h>
#include <netinet/in.h>

namespace hoptrail::kernel_test {

// Runs one operation at a time. An error is a negative result (-errno). For one thread; a forked
// child must not use its parent's ring.
class Ring {
 public:
  // `polled`: a kernel thread polls for operations (IORING_SETUP_SQPOLL).
  explicit Ring(bool polled);

  // The errno for which there is no ring; 0: there is one.
  int error() const { return error_; }

  // Runs `entry` on `fd`, which is registered: before 5.11 the polling thread accepts no other
  // file. `flags`: IOSQE_….
  int Run(io_uring_sqe entry, int fd, uint8_t flags);
  // Runs `entry` on the file in it.
  int Run(const io_uring_sqe& entry);
  // Runs `entry` on a ring whose table of registered files has one slot, which is empty.
  int RunWithTable(const io_uring_sqe& entry);
  // Does not wait for the result; true once the kernel has taken the operation.
  bool Submit(const io_uring_sqe& entry);
  // Whether a result is ready.
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

// Which thread carries out an operation.
struct RingMode {
  const char* name;
  bool polled;
  uint8_t flags;
};

// Tests that run in each mode.
class RingTest : public testing::TestWithParam<RingMode> {
 protected:
  // A child's exit status: the kernel does not support the operation in this mode.
  static constexpr int kRefused = 9;

  void SetUp() override;
};

// The values of INSTANTIATE_TEST_SUITE_P for RingTest.
inline auto RingModes() {
  return testing::Values(RingMode{"ByTheCaller", false, 0},
                         RingMode{"ByAWorker", false, IOSQE_ASYNC}, RingMode{"Polled", true, 0},
                         RingMode{"PolledByAWorker", true, IOSQE_ASYNC});
}

inline std::string RingModeName(const testing::TestParamInfo<RingMode>& info) {
  return info.param.name;
}

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_IO_URING_H_
