#include "agent/kernel/uprobes/linkage_table.h"

#include <elf.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using testing::Eq;
using testing::Optional;

constexpr uint64_t kTable = 0x5020;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

// As objdump shows them: the first entry of Debian's sshd jumps to the address at 0x1340e0.
TEST(LinkageTableTest, PlainX86Entry_IsFoundByItsSlot) {
  const std::string code = Bytes({0xff, 0x35, 0xca, 0x70, 0x12, 0,    0xff, 0x25, 0xcc, 0x70, 0x12,
                                  0,    0x0f, 0x1f, 0x40, 0,    0xff, 0x25, 0x9a, 0x70, 0x12, 0,
                                  0x68, 1,    0,    0,    0,    0xe9, 0xd0, 0xff, 0xff, 0xff});
  EXPECT_THAT(FindLinkageEntry(EM_X86_64, code, 0xd030, {0x1340e0}), Optional(Eq(0xd040u)));
  EXPECT_EQ(FindLinkageEntry(EM_X86_64, code, 0xd030, {0x1340e1}), std::nullopt);
}

// -fcf-protection: "endbr64; bnd jmp", or without "bnd" from newer linkers.
TEST(LinkageTableTest, EntryWithBranchTracking_IsFoundAtItsBeginning) {
  const std::string with_bnd =
      Bytes({0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0x05, 0x01, 0, 0, 0x0f, 0x1f, 0x44, 0, 0});
  EXPECT_THAT(FindLinkageEntry(EM_X86_64, with_bnd, kTable, {kTable + 11 + 0x105}),
              Optional(Eq(kTable)));
  const std::string without =
      Bytes({0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0x06, 0x01, 0, 0, 0x66, 0x0f, 0x1f, 0x44, 0, 0});
  EXPECT_THAT(FindLinkageEntry(EM_X86_64, without, kTable, {kTable + 10 + 0x106}),
              Optional(Eq(kTable)));
}

TEST(LinkageTableTest, ArmEntry_IsFoundByItsSlot) {
  // adrp x16, 0x1f000 (26 pages on); ldr x17, [x16, #0xfe0]; add x16, x16, #0xfe0; br x17
  const std::string code = Bytes({0xd0, 0x00, 0x00, 0xd0, 0x11, 0xf2, 0x47, 0xf9, 0x10, 0x82, 0x3f,
                                  0x91, 0x20, 0x02, 0x1f, 0xd6});
  EXPECT_THAT(FindLinkageEntry(EM_AARCH64, code, 0x5020, {0x1ffe0}), Optional(Eq(0x5020u)));
  EXPECT_EQ(FindLinkageEntry(EM_AARCH64, code, 0x5020, {0x1ffe8}), std::nullopt);
}

TEST(LinkageTableTest, EntryThatIsCutOff_IsNotRead) {
  for (size_t size = 0; size < 6; ++size) {
    const std::string code = Bytes({0xff, 0x25, 0, 0, 0, 0}).substr(0, size);
    EXPECT_EQ(FindLinkageEntry(EM_X86_64, code, kTable, {kTable + 6}), std::nullopt) << size;
  }
  EXPECT_EQ(FindLinkageEntry(EM_RISCV, Bytes({0xff, 0x25, 0, 0, 0, 0}), kTable, {kTable + 6}),
            std::nullopt);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
