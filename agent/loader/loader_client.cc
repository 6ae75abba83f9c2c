#include "agent/loader/loader_client.h"

#include <unistd.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent::loader {
namespace {

using privilege::Message;
using privilege::MessageKind;
using privilege::ResourceKind;

// The loader may be searching thousands of processes for libraries.
constexpr absl::Duration kAnswerWithin = absl::Seconds(5);
constexpr size_t kMostAccountsBytes = 8u << 20;

std::string ReadAll(int fd) {
  std::string content;
  char chunk[16384];
  while (content.size() < kMostAccountsBytes) {
    const ssize_t count = ::read(fd, chunk, sizeof(chunk));
    if (count <= 0) break;
    content.append(chunk, static_cast<size_t>(count));
  }
  return content;
}

}  // namespace

absl::StatusOr<UniqueFd> LoaderClient::Request(ResourceKind resource) {
  const uint64_t serial = ++serial_;
  HT_RETURN_IF_ERROR(channel_.Send(MessageKind::kRequest, static_cast<uint32_t>(resource), serial));
  const SteadyTime deadline = SteadyTime::Now() + kAnswerWithin;
  for (;;) {
    HT_ASSIGN_OR_RETURN(Message answer, channel_.Receive(deadline - SteadyTime::Now()));
    // A late answer to a request that has timed out.
    if (answer.kind != MessageKind::kAnswer || answer.serial != serial) continue;
    if (answer.number != 0) {
      return absl::Status(static_cast<absl::StatusCode>(answer.number), answer.text);
    }
    if (answer.fds.size() != 1) {
      return absl::InternalError(absl::StrCat("the loader answered with ", answer.fds.size(),
                                              " descriptors instead of 1"));
    }
    return std::move(answer.fds[0]);
  }
}

absl::StatusOr<UniqueFd> LoaderClient::OpenIterator(kernel::Walk walk) {
  switch (walk) {
    case kernel::Walk::kProcesses:
      return Request(ResourceKind::kProcesses);
    case kernel::Walk::kListeners:
      return Request(ResourceKind::kListeners);
    case kernel::Walk::kConnections:
      return Request(ResourceKind::kConnections);
  }
  return absl::InvalidArgumentError("the walk does not exist");
}

session::UserResolver LoaderClient::Accounts() {
  return [this](uint32_t uid) -> std::string {
    const absl::StatusOr<UniqueFd> file = Request(ResourceKind::kAccounts);
    if (!file.ok()) {
      LogWarning("agent", "cannot read the host's accounts: ", file.status().message());
      return "";
    }
    std::istringstream lines(ReadAll(file->get()));
    return session::UserIn(lines, uid);
  };
}

UnitTimers LoaderClient::Timers() {
  std::vector<UniqueFd> directories;
  for (const ResourceKind kind :
       {ResourceKind::kUnitsOfAdministrator, ResourceKind::kUnitsOfThisRun,
        ResourceKind::kUnitsOfSystem, ResourceKind::kUnitsOfOldSystem}) {
    absl::StatusOr<UniqueFd> directory = Request(kind);
    if (directory.ok()) directories.push_back(*std::move(directory));
  }
  return UnitTimers(std::move(directories));
}

}  // namespace hoptrail::agent::loader
