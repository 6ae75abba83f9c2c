#ifndef HOPTRAIL_TESTS_KERNEL_CGROUP_H_
#define HOPTRAIL_TESTS_KERNEL_CGROUP_H_

#include <cstdint>
#include <string>

namespace hoptrail::kernel_test {

// A cgroup of the test's own in the version 2 hierarchy, which is mounted if it is not mounted yet.
// The destructor removes the cgroup; no process may be in it by then.
class Cgroup {
 public:
  explicit Cgroup(const std::string& name);
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Moves the calling process into it.
  bool Enter() const;
  // As in the header of a record.
  uint64_t id() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string mount_;
};

// The group `name` in the directory `parent` of any hierarchy. Removed like a Cgroup.
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

// A version 1 hierarchy without a controller, such as systemd's own. The destructor waits until the
// kernel has removed the hierarchy; until then every process's /proc/PID/cgroup shows it.
class NamedHierarchy {
 public:
  NamedHierarchy();
  ~NamedHierarchy();
  NamedHierarchy(const NamedHierarchy&) = delete;
  NamedHierarchy& operator=(const NamedHierarchy&) = delete;

  const std::string& path() const { return path_; }

 private:
  bool Mount() const;
  bool Exists() const;

  const std::string name_;
  std::string path_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_CGROUP_H_
