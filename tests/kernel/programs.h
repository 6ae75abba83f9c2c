#ifndef HOPTRAIL_TESTS_KERNEL_PROGRAMS_H_
#define HOPTRAIL_TESTS_KERNEL_PROGRAMS_H_

// Small programs and directories for tests that observe started programs. The test program starts
// itself with the name of one of its functions, so that a test needs no other program.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace hoptrail::kernel_test {

// Define one at namespace scope, after the functions in it. If the running program was started by
// AsProgram(), the constructor runs the function instead of the tests and exits with its result.
// `arguments` are those given to AsProgram(). The names are unique in a test program, also in the
// one of all tests (kernel_guest_tests).
class SelfPrograms {
 public:
  using Main = int (*)(const std::vector<std::string>& arguments);
  SelfPrograms(std::initializer_list<std::pair<const char*, Main>> programs);
};

// The command line for the program `name`; `path` is the running program or a copy of it.
std::vector<std::string> AsProgram(const std::string& name,
                                   const std::vector<std::string>& arguments = {},
                                   const std::string& path = "/proc/self/exe");

// The running program's file.
std::string SelfPath();

// The content of a file; empty if it cannot be read.
std::string ReadWholeFile(const std::string& path);
// Replaces the content of a file with one write(2); false if that fails or is short.
bool WriteWholeFile(const std::string& path, const std::string& content);

// A directory that everyone may enter. The destructor removes it and everything in it.
class TestDirectory {
 public:
  TestDirectory();
  // Has the same path for the same name throughout a test program: for watched files, whose paths
  // are among the options by which a Recorder reuses a sensor.
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
