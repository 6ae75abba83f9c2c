#include "agent/decode/sensor_bodies.h"

#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"

namespace hoptrail::agent::decode {
namespace {

TEST(SensorBodiesTest, LostRecord_IsDecodedWithItsCause) {
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

TEST(SensorBodiesTest, TamperingRecord_IsDecoded) {
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
