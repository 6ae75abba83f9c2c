#ifndef HOPTRAIL_AGENT_APP_HOST_NAME_H_
#define HOPTRAIL_AGENT_APP_HOST_NAME_H_

#include <functional>
#include <string>
#include <utility>

#include "agent/app/host_facts.h"

namespace hoptrail::agent::app {

// What the host is called: as the configuration fixes it, or as the system does at present, which
// may change while it runs (hostnamectl). One thread.
class HostName {
 public:
  using Source = std::function<std::string()>;

  // `fixed` is empty where the system's counts; `source` says what that is.
  explicit HostName(std::string fixed, Source source = SystemHostName)
      : fixed_(!fixed.empty()), source_(std::move(source)), name_(std::move(fixed)) {
    if (!fixed_) name_ = source_();
  }

  const std::string& name() const { return name_; }

  // Looks again; true where it is another by now. No name at all is none to go by.
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

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_HOST_NAME_H_
