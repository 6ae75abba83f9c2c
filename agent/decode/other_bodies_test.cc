#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"
#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {
namespace {

TEST(OtherBodiesTest, ReadsWitnesses) {
  auto pam = Record<ht_pam>(HT_TYPE_PAM);
  pam.step = HT_PAM_OPEN_SESSION;
  pam.verified = 1;
  pam.result = 7;
  pam.user.length = 4;
  std::memcpy(pam.user_bytes, "root", 4);
  pam.remote_host.length = 60000;  // more than the field holds
  std::memset(pam.remote_host_bytes, 'x', sizeof(pam.remote_host_bytes));
  const auto event = Decode(&pam, sizeof(pam));
  ASSERT_TRUE(event.ok());
  const auto& body = std::get<Pam>(event->body);
  EXPECT_EQ(body.step, PamStep::kOpenSession);
  EXPECT_EQ(body.user, "root");
  EXPECT_EQ(body.result, 7);
  EXPECT_TRUE(body.verified);
  EXPECT_EQ(body.remote_host, std::string(HT_PAM_HOST_BYTES, 'x'));

  auto sshd = Record<ht_sshd>(HT_TYPE_SSHD);
  sshd.text.length = 8;
  std::memcpy(sshd.bytes, "Accepted", 8);
  const auto message = Decode(&sshd, sizeof(sshd));
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(std::get<SshdMessage>(message->body).text, "Accepted");
}

TEST(OtherBodiesTest, ReadsLosses) {
  auto lost = Record<ht_lost>(HT_TYPE_LOST);
  lost.ring = HT_RING_LOW;
  lost.record_type = HT_TYPE_EXEC;
  lost.count = 12;
  const auto event = Decode(&lost, sizeof(lost));
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(std::get<Lost>(event->body).where, "ring/low");
  EXPECT_EQ(std::get<Lost>(event->body).type, "exec");
  EXPECT_EQ(std::get<Lost>(event->body).count, 12u);
  lost.cause = HT_LOSS_RECURSION;
  EXPECT_EQ(std::get<Lost>(Decode(&lost, sizeof(lost))->body).where, "skipped");
  lost.cause = HT_LOSS_CAUSES;
  EXPECT_EQ(std::get<Lost>(Decode(&lost, sizeof(lost))->body).where, "unknown");
}

TEST(OtherBodiesTest, ReadsWatchedFiles) {
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
  // A path that is longer than the record.
  EXPECT_FALSE(Decode(record.data(), record.size() - 1).ok());
  file.header.size = sizeof(file);
  EXPECT_FALSE(Decode(&file, sizeof(file)).ok());
}

TEST(OtherBodiesTest, ReadsTampering) {
  auto record = Record<ht_tampering>(HT_TYPE_TAMPERING);
  record.kind = HT_TAMPERING_SIGNAL;
  record.signal = 19;
  record.target_tgid = 5;
  record.target_start_ns = 6;
  record.repeats = 2;
  std::memcpy(record.target_comm, "hoptrail-agent!!", 16);  // no NUL
  auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  auto body = std::get<Tampering>(event->body);
  EXPECT_EQ(body.kind, TamperingKind::kSignal);
  EXPECT_EQ(body.signal, 19u);
  EXPECT_EQ(body.target, (model::ProcessKey{5, 6}));
  EXPECT_EQ(body.target_command, "hoptrail-agent!!");
  EXPECT_EQ(body.repeats, 2u);
  record.kind = HT_TAMPERING_BPF;
  record.bpf_command = 13;
  record.object_kind = 200;
  record.object_id = 99;
  event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  body = std::get<Tampering>(event->body);
  EXPECT_EQ(body.kind, TamperingKind::kBpf);
  EXPECT_EQ(body.bpf_command, 13u);
  EXPECT_EQ(body.object, ObjectKind::kUnknown);
  EXPECT_EQ(body.object_id, 99u);
}

}  // namespace
}  // namespace hoptrail::agent::decode
