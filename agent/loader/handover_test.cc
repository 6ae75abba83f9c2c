#include "agent/loader/handover.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Channel;
using privilege::MessageKind;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(10);

class HandoverTest : public testing::Test {
 protected:
  HandoverTest() {
    auto ends = Channel::Pair();
    EXPECT_TRUE(ends.ok()) << ends.status();
    loader_ = std::move(ends->first);
    supervisor_ = std::move(ends->second);
    for (const char* name : {"high", "low", "losses"}) {
      files_.emplace_back(::memfd_create(name, MFD_CLOEXEC));
    }
    handles_.high_ring = {.fd = files_[0].get(), .bytes = 4096};
    handles_.low_ring = {.fd = files_[1].get(), .bytes = 8192};
    handles_.losses_fd = files_[2].get();
    handles_.cpus = 3;
  }

  std::string ErrorOfReceiving() {
    const absl::StatusOr<Handover> handover = ReceiveHandover(supervisor_, kPatience);
    EXPECT_FALSE(handover.ok());
    return std::string(handover.status().message());
  }

  Channel loader_{UniqueFd()}, supervisor_{UniqueFd()};
  std::vector<UniqueFd> files_;
  kernel::Handles handles_;
};

TEST_F(HandoverTest, Results_ArriveWithSizesMapsAndCoverage) {
  const std::vector<model::SourceCoverage> coverage = {{.source = "accept",
                                                        .hook = "tp_btf/x",
                                                        .tier = 3,
                                                        .refusals = {"fexit/y: load refused"},
                                                        .misses = {"accept by io_uring"}},
                                                       {.source = "pam"}};
  const auto file = CoverageFile(coverage);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(::write(files_[1].get(), "low", 3), 3);
  ASSERT_TRUE(SendHandover(loader_, handles_, *file).ok());
  const auto handover = ReceiveHandover(supervisor_, kPatience);
  ASSERT_TRUE(handover.ok()) << handover.status();
  EXPECT_EQ(handover->handles.high_ring.bytes, 4096u);
  EXPECT_EQ(handover->handles.low_ring.bytes, 8192u);
  EXPECT_EQ(handover->handles.cpus, 3u);
  EXPECT_EQ(handover->coverage, coverage);
  ASSERT_EQ(handover->maps.size(), 3u);
  EXPECT_EQ(handover->handles.losses_fd, handover->maps[2].get());
  char text[3] = {};
  EXPECT_EQ(::pread(handover->handles.low_ring.fd, text, 3, 0), 3);
  EXPECT_EQ(std::string(text, 3), "low");
}

TEST_F(HandoverTest, LoaderThatDidNotStart_SendsItsReason) {
  ASSERT_TRUE(SendFailure(loader_, absl::PermissionDeniedError("no CAP_BPF")).ok());
  const auto handover = ReceiveHandover(supervisor_, kPatience);
  EXPECT_TRUE(absl::IsPermissionDenied(handover.status())) << handover.status();
  EXPECT_EQ(handover.status().message(), "no CAP_BPF");
}

TEST_F(HandoverTest, IncompleteMessage_IsAnError) {
  ASSERT_TRUE(loader_.Send(MessageKind::kReady, 0).ok());
  EXPECT_THAT(ErrorOfReceiving(), HasSubstr("another message"));
  ASSERT_TRUE(loader_.Send(MessageKind::kStarted, 0, 0, "4096 8192 3", {files_[0].get()}).ok());
  EXPECT_THAT(ErrorOfReceiving(), HasSubstr("1 descriptors instead of 4"));
  for (const char* sizes : {"", "4096 8192", "4096 8192 many"}) {
    const std::vector<int> fds(4, files_[0].get());
    ASSERT_TRUE(loader_.Send(MessageKind::kStarted, 0, 0, sizes, fds).ok());
    EXPECT_THAT(ErrorOfReceiving(), HasSubstr("sizes")) << sizes;
  }
}

TEST_F(HandoverTest, CoverageReportCutShort_IsAnError) {
  const auto file = CoverageFile({{.source = "accept", .hook = "tp_btf/x"}});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(::ftruncate(file->get(), 3), 0);
  ASSERT_TRUE(SendHandover(loader_, handles_, *file).ok());
  EXPECT_THAT(ErrorOfReceiving(), HasSubstr("coverage"));
}

TEST_F(HandoverTest, LoaderThatEnds_IsUnavailable) {
  loader_ = Channel(UniqueFd());
  EXPECT_TRUE(absl::IsUnavailable(ReceiveHandover(supervisor_, kPatience).status()));
}

}  // namespace
}  // namespace hoptrail::agent::loader
