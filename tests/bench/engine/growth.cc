// The time that the engine takes for one tree of N sessions, by the tree's shape and by the order
// in which the facts arrive, and the slowest path query meanwhile.
//
//   bench-engine [N]...      (default 10000 100000)
//
// Each line of output: shape, order, sessions, seconds, microseconds a session, slowest query in
// ms.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "collector/engine/engine.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kHosts = 500;
constexpr size_t kBatch = 1000;  // facts
constexpr uint64_t kSecondNs = 1'000'000'000;

enum class Shape { kChain, kStar, kRandom };
enum class Order { kRootFirst, kLeafFirst, kRandom };
constexpr const char* kShapes[] = {"chain", "star", "random"};
constexpr const char* kOrders[] = {"root first", "leaf first", "random"};

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

model::HostId HostOf(size_t session) {
  model::HostId host;
  host.machine.bytes[0] = 1;
  host.machine.bytes[1] = static_cast<uint8_t>(session % kHosts >> 8);
  host.machine.bytes[2] = static_cast<uint8_t>(session % kHosts);
  host.boot.bytes[0] = 1;
  return host;
}

model::IpAddress AddressOf(size_t session) {
  const size_t host = session % kHosts;
  return *model::ParseIpAddress("10.1." + std::to_string(host / 250) + "." +
                                std::to_string(host % 250 + 1));
}

model::Session MakeSession(size_t number) {
  model::Session session;
  session.host = HostOf(number);
  session.first_process = {static_cast<uint32_t>(number + 100), number + 1};
  session.id = model::DeriveSessionId(session.host, session.first_process);
  session.kind = model::EntryKind::kRemote;
  session.logged_in = true;
  session.user = "deploy";
  session.program = "/usr/sbin/sshd";
  session.opened_boot_ns = (1000 + number) * kSecondNs;
  session.opened_wall_ns = static_cast<int64_t>((1'700'000'000 + number) * kSecondNs);
  return session;
}

// The facts of session `number`, which was entered over a hop from session `parent`.
void AddFacts(size_t number, size_t parent, std::vector<model::Fact>* facts) {
  const model::Session session = MakeSession(number);
  facts->push_back(session);
  if (number == 0) return;
  model::HopEnd end;
  end.hop_key = {static_cast<uint32_t>(number * 2654435761u), static_cast<uint32_t>(number)};
  end.flow.client = {AddressOf(parent), static_cast<uint16_t>(1024 + number % 60'000)};
  end.flow.server = {AddressOf(number), 22};
  end.established_boot_ns = session.opened_boot_ns;
  end.established_wall_ns = session.opened_wall_ns;
  end.rtt_us = 400;
  model::HopEnd client = end;
  client.side = model::HopSide::kClient;
  client.host = HostOf(parent);
  client.session = MakeSession(parent).id;
  facts->push_back(client);
  end.side = model::HopSide::kServer;
  end.host = session.host;
  end.session = session.id;
  end.opened_session = true;
  facts->push_back(end);
}

void Measure(Shape shape, Order order, size_t count) {
  std::mt19937 random(1);
  std::vector<size_t> parents(count), arrival(count);
  for (size_t i = 0; i < count; ++i) {
    arrival[i] = i;
    parents[i] = i == 0 || shape == Shape::kStar ? 0
                 : shape == Shape::kChain        ? i - 1
                                                 : random() % i;
  }
  if (order == Order::kLeafFirst) std::reverse(arrival.begin(), arrival.end());
  if (order == Order::kRandom) std::shuffle(arrival.begin(), arrival.end(), random);
  std::vector<model::Fact> facts;
  for (const size_t number : arrival) AddFacts(number, parents[number], &facts);

  Engine engine{EngineOptions{}};
  double slowest = 0;
  const auto begin = SteadyClock::now();
  for (size_t i = 0; i < facts.size() || engine.unfinished(); i += kBatch) {
    // A query may come at any time, and waits for the call that is being made.
    const auto asked = SteadyClock::now();
    Outcome outcome;
    if (i < facts.size()) {
      engine.Apply(absl::MakeConstSpan(facts).subspan(i, kBatch), &outcome);
    } else {
      engine.Continue(&outcome);
    }
    (void)engine.PathOf(MakeSession(arrival[i / 3 % count]).id);
    slowest = std::max(slowest, SecondsSince(asked));
  }
  const double seconds = SecondsSince(begin);
  std::printf("%-7s %-11s %8zu %9.3f s %8.1f us %8.1f ms\n", kShapes[static_cast<int>(shape)],
              kOrders[static_cast<int>(order)], count, seconds,
              seconds * 1e6 / static_cast<double>(count), slowest * 1e3);
  std::fflush(stdout);
}

}  // namespace
}  // namespace hoptrail::collector::engine

int main(int argc, char** argv) {
  using namespace hoptrail::collector::engine;
  std::vector<size_t> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::strtoull(argv[i], nullptr, 10));
  if (counts.empty()) counts = {10'000, 100'000};
  for (const Shape shape : {Shape::kChain, Shape::kStar, Shape::kRandom}) {
    for (const Order order : {Order::kRootFirst, Order::kLeafFirst, Order::kRandom}) {
      for (const size_t count : counts) Measure(shape, order, count);
    }
  }
}
