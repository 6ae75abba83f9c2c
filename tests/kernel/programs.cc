#include "tests/kernel/programs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <sys/stat.h>

namespace hoptrail::kernel_test {
namespace {

constexpr char kMark[] = "--as-program=";

std::vector<std::string> CommandLine() {
  const std::string text = ReadWholeFile("/proc/self/cmdline");
  std::vector<std::string> arguments;
  for (size_t begin = 0; begin < text.size();) {
    arguments.emplace_back(text.c_str() + begin);
    begin += arguments.back().size() + 1;
  }
  return arguments;
}

bool IsAsProgram(const std::vector<std::string>& arguments) {
  return arguments.size() >= 2 && arguments[1].rfind(kMark, 0) == 0;
}

// Keeps a process that AsProgram() has started with an unknown name from running the tests.
class NoUnknownProgram : public testing::Environment {
 public:
  void SetUp() override {
    if (IsAsProgram(CommandLine())) _exit(126);
  }
};
const auto* const no_unknown_program = testing::AddGlobalTestEnvironment(new NoUnknownProgram);

}  // namespace

SelfPrograms::SelfPrograms(std::initializer_list<std::pair<const char*, Main>> programs) {
  std::vector<std::string> arguments = CommandLine();
  if (!IsAsProgram(arguments)) return;
  for (const auto& [name, main] : programs) {
    if (arguments[1] != std::string(kMark) + name) continue;
    arguments.erase(arguments.begin(), arguments.begin() + 2);
    _exit(main(arguments));
  }
}

std::vector<std::string> AsProgram(const std::string& name,
                                   const std::vector<std::string>& arguments,
                                   const std::string& path) {
  std::vector<std::string> all = {path, kMark + name};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string SelfPath() { return std::filesystem::read_symlink("/proc/self/exe"); }

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

bool WriteWholeFile(const std::string& path, const std::string& content) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  return fd.valid() &&
         write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size());
}

TestDirectory::TestDirectory() {
  char name[] = "/tmp/hoptrail-kernel-XXXXXX";
  if (mkdtemp(name) == nullptr) {
    ADD_FAILURE() << "cannot make a directory in /tmp: " << strerror(errno);
    return;
  }
  path_ = std::filesystem::canonical(name);
  EXPECT_EQ(chmod(path_.c_str(), 0755), 0);
}

TestDirectory::TestDirectory(const std::string& name) {
  const std::string path = "/tmp/hoptrail-" + name + "-" + std::to_string(getpid());
  std::error_code error;
  if (!std::filesystem::create_directory(path, error)) {
    ADD_FAILURE() << path << " exists or cannot be made: " << error.message();
    return;
  }
  path_ = std::filesystem::canonical(path);
  EXPECT_EQ(chmod(path_.c_str(), 0755), 0);
}

TestDirectory::~TestDirectory() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

std::string TestDirectory::Copy(const std::string& file, const std::string& name) const {
  const std::string copy = path_ + "/" + name;
  std::error_code error;
  std::filesystem::copy_file(file, copy, error);
  EXPECT_FALSE(error) << file << ": " << error.message();
  EXPECT_EQ(chmod(copy.c_str(), 0755), 0);
  return copy;
}

}  // namespace hoptrail::kernel_test
