#include "agent/decode/decoder.h"

#include <cstring>
#include <random>
#include <string>

#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder_testing.h"

namespace hoptrail::agent::decode {
namespace {

using ::testing::HasSubstr;

TEST(DecoderTest, HeaderOfARecord_IsDecoded) {
  auto record = Record<ht_exit>(HT_TYPE_EXIT);
  record.status = 256;
  record.header.cpu = 3;
  record.header.boot_ns = 123;
  record.header.who.tgid = 10;
  record.header.who.start_ns = 11;
  record.header.who.tid = 12;
  record.header.who.parent_tgid = 13;
  record.header.who.tag_tgid = 14;
  record.header.who.tag_start_ns = 15;
  record.header.who.login_uid = 1000;
  record.header.who.network_namespace = 42;
  std::memcpy(record.header.who.comm, "sixteen-letters!", 16);  // no NUL
  const auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->header.cpu, 3u);
  EXPECT_EQ(event->header.boot_ns, 123u);
  EXPECT_EQ(event->header.process, (model::ProcessKey{10, 11}));
  EXPECT_EQ(event->header.tid, 12u);
  EXPECT_EQ(event->header.parent.tgid, 13u);
  EXPECT_EQ(event->header.tag, (model::ProcessKey{14, 15}));
  EXPECT_EQ(event->header.credentials.login_uid, 1000u);
  EXPECT_EQ(event->header.namespaces.network, 42u);
  EXPECT_EQ(event->header.command, "sixteen-letters!");
  EXPECT_EQ(std::get<Exit>(event->body).status, 256);
}

TEST(DecoderTest, RecordShorterThanItsType_IsRefused) {
  for (uint16_t type = 1; type < HT_TYPES; ++type) {
    auto header = Record<ht_header>(type);
    if (type == HT_TYPE_SNAPSHOT_DONE) continue;
    EXPECT_FALSE(Decode(&header, sizeof(header)).ok()) << type;
  }
  EXPECT_FALSE(Decode(nullptr, 0).ok());
  EXPECT_FALSE(Decode("x", 1).ok());
}

TEST(DecoderTest, TimeBeyondAnyClock_IsRefused) {
  const uint64_t never = uint64_t{1} << 62;
  auto fork = Record<ht_fork>(HT_TYPE_FORK);
  fork.header.boot_ns = fork.child_start_ns = fork.header.who.start_ns = never - 1;
  EXPECT_TRUE(Decode(&fork, sizeof(fork)).ok());
  for (uint64_t* time :
       {&fork.header.boot_ns, &fork.header.who.start_ns, &fork.header.who.parent_start_ns,
        &fork.header.who.tag_start_ns, &fork.child_start_ns, &fork.child_tag_start_ns}) {
    const uint64_t before = *time;
    *time = never;
    EXPECT_FALSE(Decode(&fork, sizeof(fork)).ok());
    *time = before;
  }
}

TEST(DecoderTest, UnknownType_IsRefused) {
  for (int type : {0, int{HT_TYPES}, 65535}) {
    auto header = Record<ht_header>(static_cast<uint16_t>(type));
    const auto event = Decode(&header, sizeof(header));
    ASSERT_FALSE(event.ok());
    EXPECT_THAT(std::string(event.status().message()), HasSubstr("unknown type"));
  }
}

TEST(DecoderTest, ExecRecordCutAnywhere_IsRefused) {
  const std::string record = ExecRecord(HT_TYPE_EXEC, kPath, kPath, kArguments);
  for (size_t size = 0; size < record.size(); ++size) {
    // In memory of exactly this size, so that a sanitizer reports a read past its end.
    const std::string cut(record.data(), size);
    EXPECT_FALSE(Decode(cut.data(), cut.size()).ok()) << size;
    if (size < sizeof(ht_header)) continue;
    // The same with a header that claims no more than there is.
    std::string consistent = cut;
    const auto claimed = static_cast<uint32_t>(size);
    std::memcpy(consistent.data(), &claimed, sizeof(claimed));
    EXPECT_FALSE(Decode(consistent.data(), consistent.size()).ok()) << size;
  }
}

TEST(DecoderTest, RandomBytes_AreDecodedOrRefusedWithinBounds) {
  std::mt19937 random(1);
  size_t decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 1200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (bytes.size() >= sizeof(ht_header)) {
      // A plausible header most of the time, so that the bodies are decoded.
      const auto size = static_cast<uint32_t>(bytes.size());
      const auto type = static_cast<uint16_t>(random() % (HT_TYPES + 1));
      std::memcpy(bytes.data(), &size, sizeof(size));
      std::memcpy(bytes.data() + offsetof(ht_header, type), &type, sizeof(type));
    }
    const auto event = Decode(bytes.data(), bytes.size());
    if (event.ok()) {
      ++decoded;
      EXPECT_LE(event->header.command.size(), size_t{HT_COMM_BYTES});
    }
  }
  EXPECT_GT(decoded, 0u) << "none was plausible enough";
}

}  // namespace
}  // namespace hoptrail::agent::decode
