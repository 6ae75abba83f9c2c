#ifndef HOPTRAIL_AGENT_UPLINK_UPLINK_FIXTURE_H_
#define HOPTRAIL_AGENT_UPLINK_UPLINK_FIXTURE_H_

// A spool and an uplink that sends its records to a collector of the test.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/uplink/fake_collector.h"
#include "agent/uplink/uplink.h"
#include "core/base/bounded_queue.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::uplink {

using spool::OpenSpool;
using spool::Spool;
using spool::TestDirectory;

class UplinkTest : public testing::Test {
 protected:
  std::string Address() const { return "unix:" + directory_.path() + "/collector.sock"; }

  std::unique_ptr<Uplink> Open(std::function<absl::Duration()> heartbeat_every = {}) {
    Uplink::Options options;
    options.heartbeat_every = std::move(heartbeat_every);
    options.collector.set_address(Address());
    options.host = wire::TestHost();
    options.host_name = "gw";
    options.agent_version = "0.1.0";
    options.spool = spool_.get();
    options.previous_end = model::PreviousEnd::kCutShort;
    options.on_end_request = [this](const model::HopKey& key) {
      end_requests_.TryPush(model::HopKey(key));
    };
    options.on_provenance = [this](model::Provenance p) { provenance_.TryPush(std::move(p)); };
    options.on_connected = [this](uint64_t acknowledged, bool lost) {
      connected_.TryPush({acknowledged, lost});
    };
    return std::make_unique<Uplink>(std::move(options));
  }

  static std::string HelloHost() { return wire::ResourceName(wire::TestHost()); }

  bool WaitForEmptySpool() {
    for (int i = 0; i < 1000 && spool_->spooled() > 0; ++i) absl::SleepFor(absl::Milliseconds(10));
    return spool_->spooled() == 0;
  }

  TestDirectory directory_;
  std::unique_ptr<Spool> spool_ = OpenSpool(directory_);
  // The next call of on_connected: the acknowledged number, and whether the collector lost records.
  std::pair<uint64_t, bool> NextConnected() {
    std::vector<std::pair<uint64_t, bool>> all;
    connected_.PopAll(absl::Seconds(20), &all);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? std::pair<uint64_t, bool>() : all[0];
  }

  BoundedQueue<model::Provenance> provenance_{100};
  BoundedQueue<model::HopKey> end_requests_{100};
  BoundedQueue<std::pair<uint64_t, bool>> connected_{100};
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_UPLINK_FIXTURE_H_
