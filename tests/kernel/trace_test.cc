// Records of processes that get the right to trace others. The test's children stand for the tracer
// and its target; a login of its own makes a child another session.

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/waiting_process.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Trace;
using agent::decode::TraceMethod;

volatile uint64_t written = 0;  // at the same address in the test and in its children

// The calling process logs in: its audit session is its own from now on.
bool LogIn() {
  std::ofstream file("/proc/self/loginuid");
  file << "0" << std::flush;
  return file.good();
}

int Attach(pid_t pid) {
  if (ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return 1;
  int status;
  if (waitpid(pid, &status, __WALL) != pid) return 2;
  return ptrace(PTRACE_DETACH, pid, nullptr, nullptr) == 0 ? 0 : 3;
}

int WriteMemory(pid_t pid) {
  uint64_t value = 7;
  iovec from = {&value, sizeof(value)};
  iovec to = {const_cast<uint64_t*>(&written), sizeof(written)};
  return process_vm_writev(pid, &from, 1, &to, 1, 0) == sizeof(value) ? 0 : 1;
}

std::vector<TraceMethod> MethodsOn(const Recorder& recorder, pid_t target) {
  std::vector<TraceMethod> methods;
  for (const auto& [event, trace] : recorder.All<Trace>()) {
    if (trace->target.tgid != static_cast<uint32_t>(target)) continue;
    EXPECT_GT(trace->target.start_boot_ns, 0u);
    methods.push_back(trace->method);
  }
  return methods;
}

TEST(TraceTest, AnotherSessionsProcessTraced_IsEmittedOncePerMethod) {
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("tracing").hook, "");
  WaitingProcess target;
  Child tracer([&] {
    if (!LogIn()) return 1;
    for (int i = 0; i < 5; ++i) {
      if (Attach(target.pid()) != 0) return 2;
      if (WriteMemory(target.pid()) != 0) return 3;
    }
    const std::string memory = "/proc/" + std::to_string(target.pid()) + "/mem";
    return UniqueFd(open(memory.c_str(), O_RDWR | O_CLOEXEC)).valid() ? 0 : 4;
  });
  const auto pid = static_cast<uint32_t>(tracer.pid());
  ASSERT_EQ(tracer.Wait(), 0);
  recorder.Settle();
  std::vector<TraceMethod> expected = {TraceMethod::kPtrace, TraceMethod::kMemoryWrite,
                                       TraceMethod::kMemoryFile};
  // Only ptrace sends a signal.
  if (recorder.CoverageOf("tracing").hook == "tp_btf/signal_generate") expected.resize(1);
  EXPECT_EQ(MethodsOn(recorder, target.pid()), expected);
  for (const auto& [event, trace] : recorder.All<Trace>()) {
    EXPECT_EQ(event->header.process.tgid, pid);
    EXPECT_TRUE(trace->may_write);
  }
}

TEST(TraceTest, OwnSessionsProcessTraced_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("tracing").hook, "");
  Child tracer([&] {
    if (!LogIn()) return 1;
    WaitingProcess target;
    return Attach(target.pid()) + WriteMemory(target.pid());
  });
  const auto pid = static_cast<uint32_t>(tracer.pid());
  ASSERT_EQ(tracer.Wait(), 0);
  recorder.Settle();
  for (const auto& [event, trace] : recorder.All<Trace>()) {
    EXPECT_NE(event->header.process.tgid, pid);
  }
}

TEST(TraceTest, OnlyReadingOfProc_EmitsNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.CoverageOf("tracing").hook, "");
  WaitingProcess target;
  Child reader([&] {
    if (!LogIn()) return 1;
    const std::string directory = "/proc/" + std::to_string(target.pid());
    char byte;
    for (const char* name : {"/maps", "/environ", "/stat", "/io"}) {
      const UniqueFd file(open((directory + name).c_str(), O_RDONLY | O_CLOEXEC));
      if (!file.valid() || read(file.get(), &byte, 1) < 0) return 2;
    }
    return 0;
  });
  ASSERT_EQ(reader.Wait(), 0);
  recorder.Settle();
  EXPECT_EQ(MethodsOn(recorder, target.pid()), std::vector<TraceMethod>());
}

}  // namespace
}  // namespace hoptrail::kernel_test
