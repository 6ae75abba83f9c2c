#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_FIXTURE_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_FIXTURE_H_

// A spool in a directory of the test, which reports its degradations.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::spool {

inline constexpr absl::Duration kWithin = absl::Seconds(20);

// The detail; empty where there is none of that kind.
inline std::string Detail(Degradations& degradations, model::DegradationKind kind) {
  for (const model::Degradation& one : degradations.Current()) {
    if (one.kind == kind) return one.detail.empty() ? "it is" : one.detail;
  }
  return "";
}

inline uint64_t LostOf(const std::vector<v1::Record>& records, const std::string& where) {
  uint64_t lost = 0;
  for (const v1::Record& record : records) {
    if (record.loss().loss().where() == where) lost += record.loss().loss().count();
  }
  return lost;
}

inline std::vector<uint64_t> Sequences(const std::vector<v1::Record>& records) {
  std::vector<uint64_t> sequences;
  for (const v1::Record& record : records) sequences.push_back(record.sequence());
  return sequences;
}

class SpoolFixture : public testing::Test {
 protected:
  void Open(size_t memory_records = 16384) {
    spool_.reset();
    Spool::Options options = TestOptions(directory_);
    options.degradations = &degradations_;
    options.memory_records = memory_records;
    auto spool = Spool::Open(options);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }
  void Add(int sessions) {
    for (int i = 0; i < sessions; ++i) spool_->Add(wire::TestSession());
    ASSERT_TRUE(spool_->Flush(kWithin));
  }
  template <typename Condition>
  static bool Wait(Condition condition) {
    for (int i = 0; i < 1500 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(10));
    return condition();
  }

  TestDirectory directory_;
  Degradations degradations_;
  std::unique_ptr<Spool> spool_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_FIXTURE_H_
