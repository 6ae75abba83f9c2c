#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_TESTING_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_TESTING_H_

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_reader.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::spool {

// A folder of its own, removed with all it holds.
class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/hoptrail_test_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Spool::Options TestOptions(const TestFolder& folder) {
  Spool::Options options;
  options.path = folder.path() + "/spool.db";
  options.host = wire::TestHost();
  return options;
}

inline std::unique_ptr<Spool> OpenSpool(const TestFolder& folder, const Clock* clock = nullptr) {
  Spool::Options options = TestOptions(folder);
  if (clock != nullptr) options.clock = clock;
  auto spool = Spool::Open(options);
  EXPECT_TRUE(spool.ok()) << spool.status();
  return *std::move(spool);
}

// What waits, once that is `count` records; at most ten seconds.
inline v1::Batch WaitForRecords(Spool& spool, size_t count) {
  auto reader = SpoolReader::Open(spool.path());
  EXPECT_TRUE(reader.ok()) << reader.status();
  v1::Batch batch;
  for (int i = 0; i < 1000; ++i) {
    batch = *reader->ReadAfter(wire::TestHost(), 0, 1 << 20);
    if (static_cast<size_t>(batch.records_size()) == count && spool.spooled() == count) break;
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(static_cast<size_t>(batch.records_size()), count);
  return batch;
}

template <typename Visit>
void ForEachRecord(Spool& spool, Visit visit) {
  auto reader = SpoolReader::Open(spool.path());
  EXPECT_TRUE(reader.ok()) << reader.status();
  for (uint64_t after = 0;;) {
    const v1::Batch batch = *reader->ReadAfter(wire::TestHost(), after, 1 << 20);
    if (batch.records_size() == 0) return;
    for (const v1::Record& record : batch.records()) visit(record);
    after = batch.records(batch.records_size() - 1).sequence();
  }
}

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_TESTING_H_
