#ifndef HOPTRAIL_TESTS_STORM_OBSERVER_H_
#define HOPTRAIL_TESTS_STORM_OBSERVER_H_

#include <unistd.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/session/correlator.h"
#include "core/base/clock.h"
#include "tests/kernel/harness.h"

namespace hoptrail::kernel_test {

// Discards the correlator's output.
class DiscardOutput : public agent::session::Output {
 public:
  void OnSession(const model::Session&) override {}
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount&) override {}
  void OnLoss(const model::Loss&) override {}
};

// The sensor and the stages behind it as in the agent, all on the caller's thread.
class Observer {
 public:
  explicit Observer(agent::kernel::SensorOptions options)
      : correlator_({.clock = &Clock::System(), .watched_ports = options.watched_ports}, &output_) {
    options.scope_network_namespace = network_namespace_;
    auto sensor = agent::kernel::Sensor::Open(options);
    EXPECT_TRUE(sensor.ok()) << sensor.status();
    if (sensor.ok()) sensor_ = *std::move(sensor);
  }

  bool open() const { return sensor_ != nullptr; }
  void Snapshot() {
    const auto status =
        sensor_->Snapshot([this](const void* data, size_t size) { Receive(data, size); });
    EXPECT_TRUE(status.ok()) << status;
  }
  void Poll() {
    const auto polled = sensor_->Poll(
        absl::Milliseconds(20), [this](const void* data, size_t size) { Receive(data, size); });
    ASSERT_TRUE(polled.ok()) << polled.status();
    if (absl::Now() >= tick_) {
      correlator_.Tick();
      tick_ = absl::Now() + absl::Seconds(1);
    }
  }
  // Reads until the exit record of that process, and with it all records before it.
  void PollUntilExitOf(pid_t pid) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (ended_.count(static_cast<uint32_t>(pid)) == 0 && absl::Now() < deadline) Poll();
    EXPECT_EQ(ended_.count(static_cast<uint32_t>(pid)), 1u) << "the end of " << pid << " is lost";
  }
  // Records read, by the type's name.
  std::map<std::string, uint64_t> read() const { return read_; }
  // The TCP and accept records that were read, to explain an unexpected count.
  std::string connections_read() const {
    std::string text = absl::StrCat("accepts ", accepts_.all, ", of them handed over ",
                                    accepts_.handed_over, ", elsewhere ", accepts_.elsewhere);
    for (size_t phase = 0; phase < std::size(tcp_); ++phase) {
      absl::StrAppend(&text, "; phase ", phase, " by side ", absl::StrJoin(tcp_[phase], " "));
    }
    return text;
  }
  // Records counted as lost, by the type's name, without recursion misses.
  std::map<std::string, uint64_t> lost() const {
    std::map<std::string, uint64_t> lost;
    for (const auto& loss : sensor_->ReadLosses()) {
      if (!loss.type.empty() && loss.where != "skipped") lost[loss.type] += loss.count;
    }
    return lost;
  }
  // Recursion misses, by the type's name; each is at most one record that was not made.
  std::map<std::string, uint64_t> recursion_misses() const {
    std::map<std::string, uint64_t> misses;
    for (const auto& loss : sensor_->ReadLosses()) {
      if (loss.where == "skipped") misses[loss.type] = loss.count;
    }
    return misses;
  }
  uint64_t lost_to(const std::string& where) const {
    uint64_t count = 0;
    for (const auto& loss : sensor_->ReadLosses()) count += loss.where == where ? loss.count : 0;
    return count;
  }
  agent::session::Correlator& correlator() { return correlator_; }

 private:
  void Receive(const void* data, size_t size) {
    const auto event = agent::decode::Decode(data, size);
    ASSERT_TRUE(event.ok()) << event.status();
    ++read_[agent::decode::TypeName(event->header.type)];
    if (const auto* tcp = std::get_if<agent::decode::Tcp>(&event->body)) {
      ++tcp_[static_cast<size_t>(tcp->phase)][static_cast<size_t>(tcp->side)];
    } else if (const auto* accept = std::get_if<agent::decode::Accept>(&event->body)) {
      ++accepts_.all;
      accepts_.handed_over += accept->handed_over;
      accepts_.elsewhere += accept->network_namespace != network_namespace_;
    }
    if (std::holds_alternative<agent::decode::Exit>(event->body)) {
      // Only this process's children are asked for; the load generator's would fill the set.
      if (event->header.parent.tgid == static_cast<uint32_t>(getpid())) {
        ended_.insert(event->header.process.tgid);
      }
    }
    correlator_.Handle(*event);
  }

  DiscardOutput output_;
  agent::session::Correlator correlator_;
  std::unique_ptr<agent::kernel::Sensor> sensor_;
  const uint32_t network_namespace_ = NetworkNamespace();
  std::map<std::string, uint64_t> read_;
  uint64_t tcp_[6][3] = {};  // by TcpPhase and TcpSide
  struct {
    uint64_t all = 0, handed_over = 0, elsewhere = 0;
  } accepts_;
  std::set<uint32_t> ended_;
  absl::Time tick_ = absl::Now();
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_STORM_OBSERVER_H_
