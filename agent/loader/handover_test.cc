#include "agent/loader/handover.h"

#include <unistd.h>

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

TEST(Handover, Sizes) {
  kernel::Handles handles;
  handles.high_ring.bytes = 4096;
  handles.low_ring.bytes = 8192;
  handles.cpus = 3;
  kernel::Handles read;
  ASSERT_TRUE(ParseSizes(SizesText(handles), &read).ok());
  EXPECT_EQ(read.high_ring.bytes, 4096u);
  EXPECT_EQ(read.low_ring.bytes, 8192u);
  EXPECT_EQ(read.cpus, 3u);
  EXPECT_FALSE(ParseSizes("4096 8192", &read).ok());
  EXPECT_FALSE(ParseSizes("4096 8192 many", &read).ok());
}

TEST(Handover, Coverage) {
  const std::vector<model::SourceCoverage> sources = {{.source = "accept",
                                                   .hook = "tp_btf/x",
                                                   .tier = 3,
                                                   .refusals = {"fexit/y: load refused"},
                                                   .misses = {"accept by io_uring"}},
                                                  {.source = "pam"}};
  const auto fd = ToMemory(sources);
  ASSERT_TRUE(fd.ok()) << fd.status();
  const auto read = FromMemory(fd->get());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, sources);
  ASSERT_EQ(::ftruncate(fd->get(), 3), 0);
  EXPECT_FALSE(FromMemory(fd->get()).ok());
}

}  // namespace
}  // namespace hoptrail::agent
