#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_FIXTURE_H_

// For tests: the engine's loop without its thread, one round at a time with a fake clock, on a real
// store.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/bus/in_process_bus.h"
#include "collector/engine/loop/engine_loop.h"
#include "collector/store/sqlite/sqlite_store.h"

namespace hoptrail::collector::engine {

class FakeAgent : public bus::AgentSink {
 public:
  explicit FakeAgent(const Clock* clock)
      : last_message_boot_ns(static_cast<int64_t>(clock->BootNs())) {}
  void OnAccepted(const Greeting& greeting) override {
    acknowledged = greeting.acknowledged;
    greetings.push_back(greeting);
  }
  void Ask(const model::Incarnation& incarnation) override { asked.push_back(incarnation); }
  void OnConsumed() override {}
  void Acknowledge(uint64_t) override {}
  void SendEndRequest(const model::HopKey& key) override { end_requests.push_back(key); }
  void SendProvenance(const model::Provenance&) override {}
  void End(const absl::Status& why) override {
    ended = true;
    status = why;
  }
  int64_t LastMessageBootNs() const override { return last_message_boot_ns; }
  bool SaidGoodbye() const override { return goodbye; }

  int64_t last_message_boot_ns;
  bool goodbye = false;
  bool ended = false;
  absl::Status status;  // of the end
  uint64_t acknowledged = 0;
  std::vector<Greeting> greetings;
  std::vector<model::Incarnation> asked;
  std::vector<model::HopKey> end_requests;
};

class LoopTest : public testing::Test {
 protected:
  static constexpr int64_t kSecond = 1'000'000'000;

  void SetUp() override {
    directory_ = testing::TempDir() + "/loop_XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    Open();
  }
  void TearDown() override {
    Close();
    std::filesystem::remove_all(directory_);
  }
  void Open() {
    auto store = store::SqliteStore::Open(
        {.path = directory_ + "/c.db", .writer = {.notify = true}}, clock_.WallNs());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    EngineOptions options;
    options.clock = &clock_;
    engine_ = std::make_unique<Engine>(options);
    bus_ = std::make_unique<bus::InProcessBus>();
    loop_ = std::make_unique<EngineLoop>(engine_.get(), store_.get(), bus_.get(),
                                         EngineLoop::Options{.clock = &clock_});
    ASSERT_TRUE(loop_->Restore().ok());
  }
  void Close() {
    loop_.reset();
    bus_.reset();
    engine_.reset();
    store_.reset();
  }

  std::shared_ptr<FakeAgent> Connect(const model::HostId& host, const std::string& name,
                                     uint64_t last_spooled = 0,
                                     const model::Incarnation& incarnation = {}) {
    auto agent = std::make_shared<FakeAgent>(&clock_);
    EXPECT_TRUE(bus_->Publish(bus::StreamOpened{host, name, agent, last_spooled, incarnation}));
    return agent;
  }

  // A person's session that has just begun; another one for each number.
  model::Session LoginOn(const model::HostId& host, uint8_t number = 1) const {
    model::Session session;
    session.host = host;
    session.first_process = {number, 1'000'000'000};
    session.id = model::DeriveSessionId(host, session.first_process);
    session.kind = model::EntryKind::kRemote;
    session.logged_in = true;
    session.user = "ann";
    session.opened_wall_ns = clock_.WallNs();
    return session;
  }
  // The detail of the host's degradation of that kind; empty if there is none.
  std::string DetailOf(const model::HostId& host, model::DegradationKind kind) {
    const auto hosts = store_->LoadHosts();
    EXPECT_TRUE(hosts.ok()) << hosts.status();
    for (const store::HostRow& row : *hosts) {
      if (row.host != host) continue;
      for (const auto& each : row.collector_degradations) {
        if (each.kind == kind) return each.detail;
      }
    }
    return "";
  }

  void Pass(int seconds) {
    loop_->Round(absl::ZeroDuration());
    for (int i = 0; i < seconds; ++i) {
      clock_.AdvanceNs(kSecond);
      loop_->Round(absl::ZeroDuration());
    }
  }

  FakeClock clock_;
  std::string directory_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<bus::FactBus> bus_;
  std::unique_ptr<EngineLoop> loop_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_LOOP_FIXTURE_H_
