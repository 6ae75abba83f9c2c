#ifndef HOPTRAIL_TESTS_KERNEL_PROGRAMS_H_
#define HOPTRAIL_TESTS_KERNEL_PROGRAMS_H_

// Small programs and directories for tests that look at what a started program does. The test
// program is started again under the name of one of its functions, so that nothing of the machine
// is needed but itself.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace hoptrail::kernel_test {

// Define one after the functions that it names, at namespace scope: where the running program was
// started by AsProgram(), the function runs instead of the tests and the process ends with what it
// returns. `arguments` are those given to AsProgram().
class SelfPrograms {
 public:
  using Main = int (*)(const std::vector<std::string>& arguments);
  SelfPrograms(std::initializer_list<std::pair<const char*, Main>> programs);
};

// What to start for the program `name`; `path` is the running program or a copy of it.
std::vector<std::string> AsProgram(const std::string& name,
                                   const std::vector<std::string>& arguments = {},
                                   const std::string& path = "/proc/self/exe");

// The running program's file.
std::string SelfPath();

// The whole file; empty where it cannot be read.
std::string ReadWholeFile(const std::string& path);
// False where it cannot be written at once.
bool WriteWholeFile(const std::string& path, const std::string& content);

// A directory that everyone may enter, gone with the object.
class TestDirectory {
 public:
  TestDirectory();
  // Each of that name has the same path in one test program: for what sensors that are used again
  // watch.
  explicit TestDirectory(const std::string& name);
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }
  // A copy of `file` in the directory, executable by everyone.
  std::string Copy(const std::string& file, const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_PROGRAMS_H_
