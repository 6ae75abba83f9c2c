// Containers of one image share the files below their overlays: a uprobe on such a shared library
// records each message once, however many containers see the library. Needs overlayfs.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/syslog_writer.h"
#include <sys/mount.h>

namespace hoptrail::kernel_test {
namespace {

const SelfPrograms programs({{"write-syslog", WriteSyslog}});

class Overlay {
 public:
  Overlay(const TestDirectory& directory, const std::string& name)
      : path_(directory.path() + "/" + name + "-root") {
    const std::string upper = directory.path() + "/" + name + "-upper";
    const std::string work = directory.path() + "/" + name + "-work";
    for (const std::string& made : {path_, upper, work}) {
      EXPECT_TRUE(std::filesystem::create_directory(made));
    }
    const std::string options =
        "lowerdir=" + directory.path() + "/image,upperdir=" + upper + ",workdir=" + work;
    mounted_ = mount("overlay", path_.c_str(), "overlay", 0, options.c_str()) == 0;
    EXPECT_TRUE(mounted_) << "needs overlayfs: " << strerror(errno);
  }
  ~Overlay() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  bool mounted_ = false;
};

TEST(OverlayTest, LibrarySharedByTwoContainers_EachMessageIsRecordedOnce) {
  const TestDirectory directory;
  std::filesystem::create_directories(directory.path() + "/image/lib");
  directory.Copy(OwnLibrary(), "image/lib/libc.so.6");
  const Overlay first(directory, "first"), second(directory, "second");
  const ContainerProcess in_first(first.path()), in_second(second.path());
  Recorder recorder({}, SensorAge::kFresh);
  SyslogWriter of_first(first.path() + "/lib"), of_second(second.path() + "/lib");
  EXPECT_EQ(of_first.TimesRecorded(&recorder), 1u);
  EXPECT_EQ(of_second.TimesRecorded(&recorder), 1u);
}

// The container in which the library was found ends; another one of its image stays.
TEST(OverlayTest, OneOfTwoContainersEnds_TheOtherIsStillRecorded) {
  const TestDirectory directory;
  std::filesystem::create_directories(directory.path() + "/image/lib");
  directory.Copy(OwnLibrary(), "image/lib/libc.so.6");
  auto first = std::make_unique<Overlay>(directory, "first");
  auto in_first = std::make_unique<ContainerProcess>(first->path());
  const Overlay second(directory, "second");
  // Forked before the sensor opens, or it would hold the sensor's descriptors.
  const ContainerProcess in_second(second.path());
  Recorder recorder({}, SensorAge::kFresh);
  in_first.reset();
  first.reset();
  SyslogWriter writer(second.path() + "/lib");
  for (int i = 0; i < 2; ++i) {
    recorder.sensor()->AttachNewUprobes();
    EXPECT_EQ(writer.TimesRecorded(&recorder), 1u);
  }
}

}  // namespace
}  // namespace hoptrail::kernel_test
