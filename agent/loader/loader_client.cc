#include "agent/loader/loader_client.h"

#include <unistd.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent {
namespace {

using privilege::Message;
using privilege::MessageKind;
using privilege::ResourceKind;

// It may be looking for libraries just now, among thousands of processes.
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

absl::StatusOr<UniqueFd> LoaderClient::Ask(ResourceKind resource) {
  const uint64_t serial = ++serial_;
  HT_RETURN_IF_ERROR(channel_.Send(MessageKind::kRequest, static_cast<uint32_t>(resource), serial));
  const SteadyTime deadline = SteadyTime::Now() + kAnswerWithin;
  for (;;) {
    HT_ASSIGN_OR_RETURN(Message answer, channel_.Receive(deadline - SteadyTime::Now()));
    // The answer to a question that was given up before.
    if (answer.kind != MessageKind::kAnswer || answer.serial != serial) continue;
    if (answer.number != 0) {
      return absl::Status(static_cast<absl::StatusCode>(answer.number), answer.text);
    }
    if (answer.fds.size() != 1) return absl::InternalError("the loader gave no descriptor");
    return std::move(answer.fds[0]);
  }
}

absl::StatusOr<UniqueFd> LoaderClient::OpenIterator(kernel::Walk walk) {
  switch (walk) {
    case kernel::Walk::kProcesses:
      return Ask(ResourceKind::kProcesses);
    case kernel::Walk::kListeners:
      return Ask(ResourceKind::kListeners);
    case kernel::Walk::kConnections:
      return Ask(ResourceKind::kConnections);
    case kernel::Walk::kOver:
      return Ask(ResourceKind::kSnapshotOver);
  }
  return absl::InvalidArgumentError("no such walk");
}

session::UserResolver LoaderClient::Accounts() {
  return [this](uint32_t uid) -> std::string {
    const absl::StatusOr<UniqueFd> file = Ask(ResourceKind::kAccounts);
    if (!file.ok()) {
      LogWarning("agent", "accounts: ", file.status().message());
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
    absl::StatusOr<UniqueFd> directory = Ask(kind);
    if (directory.ok()) directories.push_back(*std::move(directory));
  }
  return UnitTimers(std::move(directories));
}

}  // namespace hoptrail::agent
