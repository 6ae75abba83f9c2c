#include "agent/decode/file_bodies.h"

#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"
#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {
namespace {

TEST(FileBodiesTest, FileRecord_IsDecodedOrRefusedWhereThePathIsTooLong) {
  auto file = Record<ht_file>(HT_TYPE_FILE);
  file.path.length = kPath.size();
  file.header.size += kPath.size();
  file.action = HT_FILE_RENAME;
  file.device = 8u << 20 | 3;
  file.inode = 77;
  file.mode = 0100600;
  file.owner = 1000;
  file.repeats = 4;
  file.flags = HT_FILE_WRITE | HT_FILE_CREATED;
  const std::string record = Bytes(file) + kPath;
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const auto& body = std::get<File>(event->body);
  EXPECT_EQ(body.action, FileAction::kRename);
  EXPECT_EQ(body.path, "/usr/sbin/sshd");
  EXPECT_EQ(body.device, makedev(8, 3));
  EXPECT_EQ(body.inode, 77u);
  EXPECT_EQ(body.mode, 0100600u);
  EXPECT_EQ(body.owner, 1000u);
  EXPECT_EQ(body.repeats, 4u);
  EXPECT_FALSE(body.reads);
  EXPECT_TRUE(body.writes);
  EXPECT_TRUE(body.created);
  EXPECT_FALSE(body.truncated);
  // The path is longer than the record.
  EXPECT_FALSE(Decode(record.data(), record.size() - 1).ok());
  file.header.size = sizeof(file);
  EXPECT_FALSE(Decode(&file, sizeof(file)).ok());
}

}  // namespace
}  // namespace hoptrail::agent::decode
