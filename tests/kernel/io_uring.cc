#include "tests/kernel/io_uring.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <sys/mman.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {

Ring::Ring(bool polled) : polled_(polled) {
  io_uring_params parameters = {};
  if (polled) {
    parameters.flags = IORING_SETUP_SQPOLL;
    parameters.sq_thread_idle = 1000;
  }
  fd_ = UniqueFd(static_cast<int>(syscall(SYS_io_uring_setup, 8, &parameters)));
  if (!fd_.valid()) {
    error_ = errno;
    return;
  }
  auto map = [&](size_t size, uint64_t offset) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(),
                        static_cast<off_t>(offset));
    if (memory == MAP_FAILED) error_ = errno;
    return static_cast<char*>(memory);
  };
  char* const sq =
      map(parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
  char* const cq = map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe),
                       IORING_OFF_CQ_RING);
  entries_ = reinterpret_cast<io_uring_sqe*>(
      map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
  if (error_ != 0) return;
  sq_head_ = reinterpret_cast<std::atomic<uint32_t>*>(sq + parameters.sq_off.head);
  sq_tail_ = reinterpret_cast<std::atomic<uint32_t>*>(sq + parameters.sq_off.tail);
  sq_mask_ = *reinterpret_cast<uint32_t*>(sq + parameters.sq_off.ring_mask);
  sq_flags_ = reinterpret_cast<std::atomic<uint32_t>*>(sq + parameters.sq_off.flags);
  sq_array_ = reinterpret_cast<uint32_t*>(sq + parameters.sq_off.array);
  cq_head_ = reinterpret_cast<std::atomic<uint32_t>*>(cq + parameters.cq_off.head);
  cq_tail_ = reinterpret_cast<std::atomic<uint32_t>*>(cq + parameters.cq_off.tail);
  cq_mask_ = *reinterpret_cast<uint32_t*>(cq + parameters.cq_off.ring_mask);
  results_ = reinterpret_cast<io_uring_cqe*>(cq + parameters.cq_off.cqes);
}

int Ring::Register(int fd) {
  syscall(SYS_io_uring_register, fd_.get(), IORING_UNREGISTER_FILES, nullptr, 0);
  return syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_FILES, &fd, 1) == 0 ? 0 : -errno;
}

int Ring::Run(io_uring_sqe entry, int fd, uint8_t flags) {
  if (const int error = Register(fd); error != 0) return error;
  entry.fd = 0;
  entry.flags = static_cast<uint8_t>(flags | IOSQE_FIXED_FILE);
  return Run(entry);
}

int Ring::RunWithTable(const io_uring_sqe& entry) {
  const int error = Register(-1);
  return error != 0 ? error : Run(entry);
}

int Ring::Run(const io_uring_sqe& entry) {
  if (!Submit(entry)) return -errno;
  while (!HasResult()) {
    if (!Enter(1)) return -errno;
  }
  const uint32_t head = cq_head_->load();
  const int result = results_[head & cq_mask_].res;
  cq_head_->store(head + 1);
  return result;
}

bool Ring::Submit(const io_uring_sqe& entry) {
  const uint32_t tail = sq_tail_->load();
  entries_[tail & sq_mask_] = entry;
  sq_array_[tail & sq_mask_] = tail & sq_mask_;
  sq_tail_->store(tail + 1);
  while (sq_head_->load() == tail) {
    if (!Enter(0)) return false;
  }
  return true;
}

// Submits the waiting operations to the kernel, and waits for `results` results.
bool Ring::Enter(unsigned results) {
  unsigned flags = results > 0 ? IORING_ENTER_GETEVENTS : 0;
  if (polled_ && (sq_flags_->load() & IORING_SQ_NEED_WAKEUP) != 0) flags |= IORING_ENTER_SQ_WAKEUP;
  const unsigned waiting = polled_ ? 0 : sq_tail_->load() - sq_head_->load();
  return syscall(SYS_io_uring_enter, fd_.get(), waiting, results, flags, nullptr, 0) >= 0 ||
         errno == EINTR;
}

void RingTest::SetUp() {
  const Ring ring(GetParam().polled);
  ASSERT_EQ(ring.error(), 0) << "io_uring is not available (kernel.io_uring_disabled?): "
                             << strerror(ring.error());
}

}  // namespace hoptrail::kernel_test
