#ifndef HOPTRAIL_AGENT_HOST_HOST_NAME_H_
#define HOPTRAIL_AGENT_HOST_HOST_NAME_H_

#include <functional>
#include <string>
#include <utility>

#include "agent/host/host_facts.h"

namespace hoptrail::agent {

// The host's name: the configured one, or the system's present one, which may change at any time
// (hostnamectl). One thread.
class HostName {
 public:
  using Source = std::function<std::string()>;

  // `fixed`: the configured name; where empty, `source` gives the system's.
  explicit HostName(std::string fixed, Source source = SystemHostName)
      : fixed_(!fixed.empty()), source_(std::move(source)), name_(std::move(fixed)) {
    if (!fixed_) name_ = source_();
  }

  const std::string& name() const { return name_; }

  // Reads the system's name again; true where it has changed. Ignores an empty name.
  bool Refresh() {
    if (fixed_) return false;
    std::string now = source_();
    if (now.empty() || now == name_) return false;
    name_ = std::move(now);
    return true;
  }

 private:
  const bool fixed_;
  const Source source_;
  std::string name_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HOST_HOST_NAME_H_
