#ifndef HOPTRAIL_AGENT_WORKER_PIPELINE_FIXTURE_H_
#define HOPTRAIL_AGENT_WORKER_PIPELINE_FIXTURE_H_

// For tests: a pipeline that gets the events of a kernel, and the facts that it emits.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "agent/session/fake_kernel.h"
#include "agent/worker/pipeline.h"

namespace hoptrail::agent {

using session::FakeKernel;

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    Pipeline::Options options;
    options.host.machine.bytes[0] = 1;
    options.clock = &clock_;
    options.host_pid_namespace = 100;
    options.unit = "sensor.service";
    options.supervisor_tgid = kAgentTgid;
    options.sink = [this](model::Fact fact) { facts_.push_back(std::move(fact)); };
    host_ = options.host;
    pipeline_ = std::make_unique<Pipeline>(std::move(options));
    kernel_.out = [this](const decode::Event& event) { pipeline_->Handle(event); };
    sshd_ = kernel_.StartSshd();
  }

  void Guess(int times) {
    for (int i = 0; i < times; ++i) {
      const uint16_t port = next_port_++;
      const uint64_t socket = kernel_.Arrive(port);
      const model::ProcessKey monitor = kernel_.Serve(sshd_, socket, false);
      kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
      kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port " +
                               std::to_string(port) + " ssh2");
      kernel_.Close(socket);
      kernel_.Exit(monitor);
    }
  }

  model::ProcessKey LogIn(model::ProcessKey* monitor) {
    const uint16_t port = next_port_++;
    *monitor = kernel_.Serve(sshd_, kernel_.Arrive(port), false);
    kernel_.Pam(*monitor, decode::PamStep::kAuthenticate, "staff", 0);
    return kernel_.LogIn(
        *monitor, "staff", 1000, 7,
        "Accepted password for staff from 198.51.100.9 port " + std::to_string(port) + " ssh2");
  }

  // Starts the agent's supervisor.
  void StartAgent(model::ProcessKey parent) {
    agent_ = kernel_.Fork(parent, kAgentTgid);
    kernel_.Exec(agent_, "/usr/bin/hoptrail-agent");
  }
  // The kernel side's record of a SIGTERM to the supervisor.
  void Signal(model::ProcessKey from, const std::string& command) {
    decode::Tampering tampering;
    tampering.kind = decode::TamperingKind::kSignal;
    tampering.signal = 15;
    tampering.target = agent_;
    tampering.target_command = "hoptrail-agent";
    kernel_.EmitTampering(from, command, tampering);
  }
  model::Goodbye Stop(uint32_t pid) {
    return pipeline_->OnStop({.number = 15, .pid = pid, .uid = 0});
  }

  template <typename T>
  std::vector<T> All() const {
    std::vector<T> result;
    for (const model::Fact& fact : facts_) {
      if (const T* value = std::get_if<T>(&fact)) result.push_back(*value);
    }
    return result;
  }

  static constexpr uint32_t kAgentTgid = 555;

  FakeClock clock_;
  FakeKernel kernel_{&clock_};
  model::HostId host_;
  model::ProcessKey agent_;
  std::vector<model::Fact> facts_;
  std::unique_ptr<Pipeline> pipeline_;
  model::ProcessKey sshd_;
  uint16_t next_port_ = 40000;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_PIPELINE_FIXTURE_H_
