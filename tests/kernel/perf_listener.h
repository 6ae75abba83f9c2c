#ifndef HOPTRAIL_TESTS_KERNEL_PERF_LISTENER_H_
#define HOPTRAIL_TESTS_KERNEL_PERF_LISTENER_H_

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <linux/perf_event.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {

// Stands for another program on this host that listens to a tracepoint ("sched/sched_process_exec")
// through perf. The kernel calls perf once for all its listeners, at the place of the first one. So
// with a listener from before the sensor, perf's programs run before those that the sensor attaches
// to the tracepoint itself.
class PerfListener {
 public:
  explicit PerfListener(const std::string& tracepoint) {
    uint64_t id = 0;
    std::ifstream("/sys/kernel/tracing/events/" + tracepoint + "/id") >> id;
    EXPECT_NE(id, 0u) << tracepoint << ": no such tracepoint, or tracefs is not mounted";
    perf_event_attr attributes = {};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = id;
    fd_.reset(static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
    EXPECT_TRUE(fd_.valid()) << tracepoint << ": " << strerror(errno);
  }

 private:
  UniqueFd fd_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_PERF_LISTENER_H_
