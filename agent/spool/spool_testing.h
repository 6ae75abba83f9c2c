#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_TESTING_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_TESTING_H_

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_reader.h"
#include "core/wire/testing.h"
#include <sys/resource.h>

namespace hoptrail::agent::spool {

// A directory of its own, removed with all it holds.
class TestDirectory {
 public:
  TestDirectory() {
    char name[] = "/tmp/hoptrail_test_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// While it lives no file may grow beyond 96 KiB, which acts like a full disk: either fails the
// write.
class FullDisk {
 public:
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit full{.rlim_cur = 96 * 1024, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  }
  ~FullDisk() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0); }

 private:
  rlimit before_{};
};

inline Spool::Options TestOptions(const TestDirectory& directory) {
  Spool::Options options;
  options.path = directory.path() + "/spool.db";
  options.host = wire::TestHost();
  return options;
}

inline std::unique_ptr<Spool> OpenSpool(const TestDirectory& directory,
                                        const Clock* clock = nullptr) {
  Spool::Options options = TestOptions(directory);
  if (clock != nullptr) options.clock = clock;
  auto spool = Spool::Open(options);
  EXPECT_TRUE(spool.ok()) << spool.status();
  return *std::move(spool);
}

// The records on disk, once there are `count` of them; waits at most ten seconds.
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

// All records, as the uplink reads them: from the disk, and then from memory.
inline std::vector<v1::Record> Waiting(Spool& spool) {
  std::vector<v1::Record> records;
  const SpoolFile::Reading reading = spool.reading();
  std::optional<SpoolReader> reader;
  if (reading.access != SpoolDatabase::Access::kNone) {
    auto opened = SpoolReader::Open(spool.path(), reading.access);
    EXPECT_TRUE(opened.ok()) << opened.status();
    reader.emplace(*std::move(opened));
  }
  for (uint64_t after = 0;;) {
    const MemoryTail::View tail = spool.memory().Look();
    v1::Batch batch;
    if (reader.has_value()) batch = *reader->ReadAfter(wire::TestHost(), after, 1 << 20);
    if (batch.records_size() == 0) batch = *spool.memory().ReadAfter(after, 1 << 20, tail);
    if (batch.records_size() == 0) return records;
    for (const v1::Record& record : batch.records()) records.push_back(record);
    after = records.back().sequence();
  }
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
