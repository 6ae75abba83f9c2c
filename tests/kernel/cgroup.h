#ifndef HOPTRAIL_TESTS_KERNEL_CGROUP_H_
#define HOPTRAIL_TESTS_KERNEL_CGROUP_H_

#include <cstdint>
#include <string>

namespace hoptrail::kernel_test {

// A cgroup of the test's own in the version 2 hierarchy, wherever that is mounted; mounted for the
// purpose where it is not. Removed at the end, when nobody may be in it any more.
class Cgroup {
 public:
  explicit Cgroup(const std::string& name);
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // The calling process moves in.
  bool Enter() const;
  // As records tell it.
  uint64_t id() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string mount_;
};

// A group of the name `name` in the directory `parent` of any hierarchy. Removed like a Cgroup.
class Subgroup {
 public:
  Subgroup(const std::string& parent, const std::string& name);
  ~Subgroup();
  Subgroup(const Subgroup&) = delete;
  Subgroup& operator=(const Subgroup&) = delete;

  bool Enter() const;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// A hierarchy of version 1 without a controller, as systemd has one there. Its end waits until the
// kernel has forgotten it, which every process's /proc/PID/cgroup would show otherwise.
class NamedHierarchy {
 public:
  NamedHierarchy();
  ~NamedHierarchy();
  NamedHierarchy(const NamedHierarchy&) = delete;
  NamedHierarchy& operator=(const NamedHierarchy&) = delete;

  const std::string& path() const { return path_; }

 private:
  bool Mount() const;
  bool IsThere() const;

  const std::string name_;
  std::string path_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_CGROUP_H_
