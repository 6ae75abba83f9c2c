#include <signal.h>

#include <gtest/gtest.h>

#include "agent/rules/rule_fixture.h"
#include <linux/bpf.h>

namespace hoptrail::agent::rules {
namespace {

using decode::Tampering;
using decode::TamperingKind;

Tampering Signal(uint32_t number) {
  Tampering tampering;
  tampering.kind = TamperingKind::kSignal;
  tampering.signal = number;
  tampering.target_command = "hoptrail-worker";
  return tampering;
}

Tampering Bpf(uint32_t command) {
  Tampering tampering;
  tampering.kind = TamperingKind::kBpf;
  tampering.bpf_command = command;
  tampering.object = decode::ObjectKind::kMap;
  tampering.object_id = 12;
  return tampering;
}

class BlindingRuleTest : public RuleTest {
 protected:
  BlindingRuleTest() {
    session_.id.bytes[0] = 7;
    session_.host.machine.bytes[0] = 1;
    session_.host.boot.bytes[0] = 2;
    session_.user = "ann";
    event_.header.process = sender_.key = {.tgid = 70, .start_boot_ns = 9};
    event_.header.command = "bash";
    sender_.session = session_.id;
    target_.key = {.tgid = 50, .start_boot_ns = 8};
    target_.session.bytes[0] = 8;
  }

  std::optional<model::Detection> See(const Tampering& tampering) {
    event_.body = tampering;
    return Feed(*rule_, {.kind = session::Activity::kTampering,
                         .event = &event_,
                         .process = &sender_,
                         .session = &session_,
                         .other = &target_});
  }

  model::Session session_;
  decode::Event event_;
  process::Process sender_, target_;
  std::unique_ptr<HostRule> rule_ = MakeHostRule("blinding", {.unit = "sensor.service"});
};

TEST_F(BlindingRuleTest, Fires_HighOnASignalThatEndsOrStops) {
  const auto killed = See(Signal(SIGKILL));
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->rule, "blinding");
  EXPECT_EQ(killed->severity, model::Severity::kHigh);
  EXPECT_EQ(killed->session, session_.id);
  EXPECT_EQ(killed->summary, "bash (process 70, ann) tried signal 9 on hoptrail-worker");
  EXPECT_EQ(See(Signal(SIGKILL))->id, killed->id) << "the same detection, reported again";
  EXPECT_EQ(See(Signal(SIGSTOP))->severity, model::Severity::kHigh);
  EXPECT_EQ(See(Signal(SIGTERM))->severity, model::Severity::kMedium);
  EXPECT_EQ(See(Signal(SIGHUP))->severity, model::Severity::kLow);
}

TEST_F(BlindingRuleTest, Fires_HighOnTracingAndOnTheKernelSide) {
  Tampering tampering = Signal(0);
  tampering.kind = TamperingKind::kPtrace;
  auto detection = See(tampering);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  tampering = Bpf(BPF_MAP_UPDATE_ELEM);
  tampering.repeats = 4;
  detection = See(tampering);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("method"), "map update");
  EXPECT_EQ(detection->evidence.at("attempts"), "4");
  EXPECT_EQ(detection->summary, "bash (process 70, ann) tried map update on map 12");
  detection = See(Bpf(77));  // a command of a newer kernel
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("method"), "bpf command 77");
  tampering.kind = TamperingKind::kMap;
  detection = See(tampering);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
}

// `bpftool prog show` and `perf top` get a handle of each loaded object to ask what it is.
TEST_F(BlindingRuleTest, Fires_AsInformationOnALook) {
  const auto programs = See(Bpf(BPF_PROG_GET_FD_BY_ID));
  ASSERT_TRUE(programs.has_value());
  EXPECT_EQ(programs->severity, model::Severity::kInfo);
  EXPECT_EQ(programs->evidence.at("method"), "look");
  const auto maps = See(Bpf(BPF_MAP_GET_FD_BY_ID));
  ASSERT_TRUE(maps.has_value());
  EXPECT_EQ(maps->id, programs->id) << "one detection for all looks";
}

TEST_F(BlindingRuleTest, StaysSilent_ForHarmlessSignalsAndWithoutASession) {
  EXPECT_FALSE(See(Signal(0)).has_value()) << "asks only whether the process exists";
  EXPECT_FALSE(See(Signal(SIGCONT)).has_value());
  event_.body = Signal(SIGKILL);
  EXPECT_FALSE(
      Feed(*rule_, {.kind = session::Activity::kTampering, .event = &event_, .process = &sender_})
          .has_value())
      << "no session";
}

TEST_F(BlindingRuleTest, StaysSilent_ForTheServiceManager) {
  sender_.session = target_.session;
  EXPECT_FALSE(See(Signal(SIGTERM)).has_value())
      << "a process of the session that started the agent's container";
  Tampering tampering = Signal(0);
  tampering.kind = TamperingKind::kPtrace;
  EXPECT_TRUE(See(tampering).has_value()) << "a service manager traces no process";
  sender_.session = session_.id;
  sender_.cgroup_id = target_.cgroup_id = 77;
  EXPECT_FALSE(See(Signal(SIGTERM)).has_value()) << "a process in the agent's unit";
  session_.kind = model::EntryKind::kConsole;
  EXPECT_TRUE(See(Signal(SIGTERM)).has_value()) << "a login is no service manager";
  event_.header.process = {.tgid = 1, .start_boot_ns = 1};
  EXPECT_FALSE(See(Signal(SIGTERM)).has_value());
}

}  // namespace
}  // namespace hoptrail::agent::rules
