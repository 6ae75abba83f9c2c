#ifndef HOPTRAIL_TESTS_FUZZ_MEMORY_FILE_H_
#define HOPTRAIL_TESTS_FUZZ_MEMORY_FILE_H_

// A file that exists only in memory, for code that needs a path.

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "core/base/unique_fd.h"
#include "tests/fuzz/require.h"
#include <sys/mman.h>

namespace hoptrail::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(absl::string_view contents) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    Require(fd_.valid(), "a file in memory can be made");
    Require(::write(fd_.get(), contents.data(), contents.size()) ==
                static_cast<ssize_t>(contents.size()),
            "a file in memory can be written");
  }

  // Valid while this object lives.
  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_.get()); }

 private:
  UniqueFd fd_;
};

}  // namespace hoptrail::fuzz

#endif  // HOPTRAIL_TESTS_FUZZ_MEMORY_FILE_H_
