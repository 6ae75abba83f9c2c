#include "agent/loader/message_handler.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/log.h"

namespace hoptrail::agent::loader {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using privilege::ResourceKind;

absl::StatusOr<UniqueFd> MessageHandler::OpenHostFile(const char* path, int flags) const {
  const std::string whole = options_.host_root + path;
  UniqueFd fd(::open(whole.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, whole);
  return fd;
}

absl::StatusOr<UniqueFd> MessageHandler::Open(uint32_t resource) const {
  switch (static_cast<ResourceKind>(resource)) {
    case ResourceKind::kProcesses:
      return options_.open_iterator(kernel::Walk::kProcesses);
    case ResourceKind::kListeners:
      return options_.open_iterator(kernel::Walk::kListeners);
    case ResourceKind::kConnections:
      return options_.open_iterator(kernel::Walk::kConnections);
    case ResourceKind::kAccounts:
      return OpenHostFile("/etc/passwd", O_RDONLY | O_NONBLOCK);
    case ResourceKind::kUnitsOfAdministrator:
      return OpenHostFile("/etc/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfThisRun:
      return OpenHostFile("/run/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfSystem:
      return OpenHostFile("/usr/lib/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfOldSystem:
      return OpenHostFile("/lib/systemd", O_PATH | O_DIRECTORY);
  }
  return absl::InvalidArgumentError(absl::StrCat("resource ", resource, " does not exist"));
}

void MessageHandler::Answer(const Message& request) {
  const absl::StatusOr<UniqueFd> fd =
      request.kind == MessageKind::kRequest
          ? Open(request.number)
          : absl::StatusOr<UniqueFd>(absl::InvalidArgumentError("the message is not a request"));
  const absl::Status sent =
      fd.ok() ? worker_.Send(MessageKind::kAnswer, 0, request.serial, "", {fd->get()})
              : worker_.Send(MessageKind::kAnswer, static_cast<uint32_t>(fd.status().code()),
                             request.serial, std::string(fd.status().message()));
  if (!sent.ok()) worker_ = Channel(UniqueFd());
}

bool MessageHandler::HandleSupervisor() {
  absl::StatusOr<Message> message = supervisor_.Receive(absl::ZeroDuration());
  if (absl::IsUnavailable(message.status())) return false;
  if (!message.ok()) return true;
  if (message->kind == MessageKind::kLogLevel) {
    SetLogLevel(
        static_cast<LogLevel>(std::min(message->number, static_cast<uint32_t>(LogLevel::kError))));
  }
  if (message->kind == MessageKind::kNewWorker && message->fds.size() == 1) {
    worker_ = Channel(std::move(message->fds[0]));
    LogInfo("loader", "serving the worker with process id ", message->number);
    options_.on_worker(message->number);
  }
  return true;
}

void MessageHandler::HandleWorker() {
  const absl::StatusOr<Message> request = worker_.Receive(absl::ZeroDuration());
  if (request.ok()) {
    Answer(*request);
  } else {
    worker_ = Channel(UniqueFd());  // the supervisor starts another worker
  }
}

}  // namespace hoptrail::agent::loader
