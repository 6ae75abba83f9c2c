#include "agent/detect/blinding.h"

#include <signal.h>

#include <gtest/gtest.h>

#include <linux/bpf.h>

namespace hoptrail::agent::detect {
namespace {

using Attempt = BlindingRule::Attempt;
using Way = BlindingRule::Way;

model::Session Session() {
  model::Session session;
  session.id.bytes[0] = 7;
  session.host.machine.bytes[0] = 1;
  session.host.boot.bytes[0] = 2;
  session.user = "ann";
  return session;
}

Attempt Signal(uint32_t number) {
  return {.way = Way::kSignal,
          .number = number,
          .target = "hoptrail-worker",
          .command = "bash",
          .process = {.tgid = 70, .start_boot_ns = 9},
          .wall_ns = 5};
}

TEST(BlindingRule, ASignalThatEndsOrStopsIsHigh) {
  const BlindingRule rule({});
  const model::Session session = Session();
  const auto killed = rule.OnAttempt(Signal(SIGKILL), &session);
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->rule, "blinding");
  EXPECT_EQ(killed->severity, model::Severity::kHigh);
  EXPECT_EQ(killed->session, session.id);
  EXPECT_EQ(killed->summary, "bash (process 70, ann) tried signal 9 on hoptrail-worker");
  EXPECT_EQ(rule.OnAttempt(Signal(SIGKILL), &session)->id, killed->id) << "told again, not twice";
  EXPECT_EQ(rule.OnAttempt(Signal(SIGSTOP), &session)->severity, model::Severity::kHigh);
  EXPECT_EQ(rule.OnAttempt(Signal(SIGTERM), &session)->severity, model::Severity::kMedium);
  EXPECT_EQ(rule.OnAttempt(Signal(SIGHUP), &session)->severity, model::Severity::kLow);
}

TEST(BlindingRule, TracingAndTheKernelSide) {
  const BlindingRule rule({});
  const model::Session session = Session();
  Attempt attempt = Signal(0);
  attempt.way = Way::kTrace;
  EXPECT_EQ(rule.OnAttempt(attempt, &session)->severity, model::Severity::kHigh);
  attempt.way = Way::kBpf;
  attempt.number = BPF_MAP_UPDATE_ELEM;
  attempt.target = "map 12";
  attempt.repeats = 4;
  const auto bpf = rule.OnAttempt(attempt, &session);
  EXPECT_EQ(bpf->severity, model::Severity::kHigh);
  EXPECT_EQ(bpf->evidence.at("way"), "map update");
  EXPECT_EQ(bpf->evidence.at("attempts"), "4");
  EXPECT_EQ(bpf->summary, "bash (process 70, ann) tried map update on map 12");
  attempt.number = 77;  // of a newer kernel side
  EXPECT_EQ(rule.OnAttempt(attempt, &session)->severity, model::Severity::kHigh);
  EXPECT_EQ(rule.OnAttempt(attempt, &session)->evidence.at("way"), "bpf command 77");
  attempt.way = Way::kMap;
  EXPECT_EQ(rule.OnAttempt(attempt, &session)->severity, model::Severity::kHigh);
}

// `bpftool prog show`, `perf top`: a handle of each thing that is loaded, to ask what it is.
TEST(BlindingRule, ToLookIsInformation) {
  const BlindingRule rule({});
  const model::Session session = Session();
  Attempt attempt = Signal(0);
  attempt.way = Way::kBpf;
  attempt.number = BPF_PROG_GET_FD_BY_ID;
  const auto programs = rule.OnAttempt(attempt, &session);
  ASSERT_TRUE(programs.has_value());
  EXPECT_EQ(programs->severity, model::Severity::kInfo);
  EXPECT_EQ(programs->evidence.at("way"), "look");
  attempt.number = BPF_MAP_GET_FD_BY_ID;
  EXPECT_EQ(rule.OnAttempt(attempt, &session)->id, programs->id) << "one look, not three";
}

TEST(BlindingRule, DoesNotFire) {
  const BlindingRule rule({});
  const model::Session session = Session();
  EXPECT_FALSE(rule.OnAttempt(Signal(0), &session)) << "asks only whether it is there";
  EXPECT_FALSE(rule.OnAttempt(Signal(SIGCONT), &session));
  EXPECT_FALSE(rule.OnAttempt(Signal(SIGKILL), nullptr)) << "nobody's";
  Attempt by_manager = Signal(SIGTERM);
  by_manager.by_manager = true;
  EXPECT_FALSE(rule.OnAttempt(by_manager, &session)) << "the service is stopped";
  by_manager.way = Way::kTrace;
  EXPECT_TRUE(rule.OnAttempt(by_manager, &session)) << "that is not what it is for";
  EXPECT_FALSE(BlindingRule({.disabled = true}).OnAttempt(Signal(SIGKILL), &session));
}

}  // namespace
}  // namespace hoptrail::agent::detect
