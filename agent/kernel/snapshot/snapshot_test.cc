#include "agent/kernel/snapshot/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;

template <typename Record>
Record MakeRecord(ht_type type) {
  Record record = {};
  record.header.size = sizeof(record);
  record.header.type = type;
  return record;
}

std::string Bytes(const ht_socket_snapshot& record) {
  return std::string(reinterpret_cast<const char*>(&record), sizeof(record));
}

std::string SocketRecords(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    auto record = MakeRecord<ht_socket_snapshot>(HT_TYPE_SOCKET_SNAPSHOT);
    record.connection.socket = static_cast<uint64_t>(i) + 1;
    bytes += Bytes(record);
  }
  return bytes;
}

// Takes snapshots of iterators that hold what a test says.
class SnapshotTest : public ::testing::Test {
 protected:
  absl::Status Take() {
    return TakeSnapshot(
        [this](Walk walk) -> absl::StatusOr<UniqueFd> {
          walks_.push_back(walk);
          const auto error = errors_.find(walk);
          if (error != errors_.end()) return error->second;
          const std::string& content = contents_[walk];
          UniqueFd fd(memfd_create("iterator", MFD_CLOEXEC));
          EXPECT_EQ(pwrite(fd.get(), content.data(), content.size(), 0),
                    static_cast<ssize_t>(content.size()));
          return fd;
        },
        [this](const void* data, size_t size) {
          records_.emplace_back(static_cast<const char*>(data), size);
        });
  }

  ht_header HeaderOf(const std::string& record) const {
    ht_header header = {};
    EXPECT_GE(record.size(), sizeof(header));
    if (record.size() >= sizeof(header)) std::memcpy(&header, record.data(), sizeof(header));
    EXPECT_EQ(header.size, record.size());
    return header;
  }

  std::vector<int> Types() const {
    std::vector<int> types;
    for (const std::string& record : records_) types.push_back(HeaderOf(record).type);
    return types;
  }

  std::map<Walk, std::string> contents_;
  std::map<Walk, absl::Status> errors_;
  std::vector<Walk> walks_;
  std::vector<std::string> records_;
};

TEST_F(SnapshotTest, EveryWalkIsReadToItsEnd_ThenTheDoneRecordFollows) {
  contents_[Walk::kListeners] = SocketRecords(1);
  contents_[Walk::kConnections] = SocketRecords(2);
  EXPECT_TRUE(Take().ok());
  EXPECT_THAT(walks_, ElementsAre(Walk::kProcesses, Walk::kListeners, Walk::kConnections));
  EXPECT_THAT(Types(), ElementsAre(HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SOCKET_SNAPSHOT,
                                   HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE));
  EXPECT_GT(HeaderOf(records_.back()).boot_ns, 0u);
}

// More than one read holds: some record lies in two reads.
TEST_F(SnapshotTest, RecordAcrossTwoReads_IsPutTogether) {
  constexpr int kRecords = 1000;
  contents_[Walk::kConnections] = SocketRecords(kRecords);
  EXPECT_TRUE(Take().ok());
  ASSERT_EQ(records_.size(), size_t{kRecords} + 1);
  for (size_t i = 0; i < kRecords; ++i) {
    ht_socket_snapshot record;
    ASSERT_EQ(records_[i].size(), sizeof(record));
    std::memcpy(&record, records_[i].data(), sizeof(record));
    ASSERT_EQ(record.connection.socket, i + 1);
  }
}

TEST_F(SnapshotTest, KernelWithoutAnIterator_LeavesThatWalkOut) {
  errors_[Walk::kProcesses] = absl::NotFoundError("no such iterator");
  contents_[Walk::kListeners] = SocketRecords(1);
  EXPECT_TRUE(Take().ok());
  EXPECT_THAT(Types(), ElementsAre(HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE));
}

TEST_F(SnapshotTest, WalkThatCannotBeOpened_IsReportedAndTheOthersAreTaken) {
  errors_[Walk::kProcesses] = absl::InternalError("iterator: no memory");
  contents_[Walk::kConnections] = SocketRecords(1);
  EXPECT_EQ(Take(), absl::InternalError("iterator: no memory"));
  EXPECT_THAT(Types(), ElementsAre(HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE));
}

TEST_F(SnapshotTest, WalkThatEndsWithinARecord_IsReported) {
  const std::string records = SocketRecords(2);
  contents_[Walk::kListeners] = records.substr(0, records.size() - 1);
  contents_[Walk::kConnections] = SocketRecords(1);
  EXPECT_TRUE(absl::IsDataLoss(Take()));
  EXPECT_THAT(Types(),
              ElementsAre(HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SOCKET_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE));
}

TEST_F(SnapshotTest, RecordOfAnImpossibleSize_EndsItsWalk) {
  for (const uint32_t size : {uint32_t{0}, uint32_t{HT_RECORD_MAX + 1}}) {
    auto record = MakeRecord<ht_socket_snapshot>(HT_TYPE_SOCKET_SNAPSHOT);
    record.header.size = size;
    contents_[Walk::kListeners] = Bytes(record) + SocketRecords(1);
    records_.clear();
    EXPECT_TRUE(absl::IsInternal(Take())) << size;
    EXPECT_THAT(Types(), ElementsAre(HT_TYPE_SNAPSHOT_DONE)) << size;
  }
}

// Field 22 of proc(5)'s stat; the name of a test program holds no blank.
uint64_t OwnStartNs() {
  std::ifstream file("/proc/self/stat");
  std::string field;
  for (int i = 0; i < 22; ++i) file >> field;
  const auto ticks_per_second = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return std::stoull(field) * (1'000'000'000 / ticks_per_second);
}

std::string OwnArguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

TEST_F(SnapshotTest, ProcessRecord_GetsTheArgumentsOfThatProcessOnly) {
  for (const bool same : {true, false}) {
    auto record = MakeRecord<ht_exec>(HT_TYPE_PROCESS_SNAPSHOT);
    record.header.who.tgid = static_cast<uint32_t>(getpid());
    record.header.who.start_ns = OwnStartNs() + (same ? 0 : 1'000'000'000);
    contents_[Walk::kProcesses].assign(reinterpret_cast<const char*>(&record), sizeof(record));
    records_.clear();
    EXPECT_TRUE(Take().ok());
    ASSERT_THAT(Types(), ElementsAre(HT_TYPE_PROCESS_SNAPSHOT, HT_TYPE_SNAPSHOT_DONE));
    std::memcpy(&record, records_[0].data(), sizeof(record));
    const std::string arguments = same ? OwnArguments() : "";
    EXPECT_EQ(record.arguments.length, arguments.size());
    EXPECT_EQ(records_[0].substr(sizeof(record)), arguments);
  }
}

}  // namespace
}  // namespace hoptrail::agent::kernel
