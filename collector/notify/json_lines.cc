#include "collector/notify/json_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include <google/protobuf/util/json_util.h>

#include "collector/store/reader.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::notify {
namespace {

constexpr char kConsumer[] = "json_output";
constexpr int kPage = 200;
constexpr absl::Duration kPoll = absl::Seconds(1);

absl::StatusOr<std::string> Line(absl::string_view kind, const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    return absl::InternalError("a message has no JSON form");
  }
  // Standard output may be a terminal.
  return absl::StrCat("{\"", kind, "\":", PrintableJson(json), "}\n");
}

absl::Status WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "json_output");
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonLines>> JsonLines::Create(store::Store* store,
                                                             const std::string& target) {
  UniqueFd file(target == "-"
                    ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                    : ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("json_output ", target));
  HT_ASSIGN_OR_RETURN(std::unique_ptr<store::Outbox> outbox, store->OpenOutbox());
  HT_ASSIGN_OR_RETURN(std::optional<int64_t> written, outbox->LoadCursor(kConsumer));
  if (!written) {
    written = store->changes()->revision();
    HT_RETURN_IF_ERROR(outbox->SaveCursor(kConsumer, *written));
  }
  return std::unique_ptr<JsonLines>(
      new JsonLines(store, std::move(outbox), std::move(file), *written));
}

JsonLines::JsonLines(store::Store* store, std::unique_ptr<store::Outbox> outbox, UniqueFd file,
                     int64_t written)
    : store_(store), outbox_(std::move(outbox)), file_(std::move(file)), written_(written) {}

JsonLines::~JsonLines() { Stop(); }

void JsonLines::Start() {
  thread_ = std::thread([this] { Run(); });
}

void JsonLines::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void JsonLines::Run() {
  while (!stopping_) {
    absl::Status status = WriteNew();
    if (!status.ok()) LogError("json_output", status.ToString());
    store_->changes()->WaitAbove(status.ok() ? written_ : store_->changes()->revision(), kPoll);
  }
}

absl::Status JsonLines::WriteNew() {
  while (true) {
    std::map<int64_t, std::string> lines;
    int64_t complete_to;  // nothing below it is missing from `lines`
    {
      store::ReaderPool::Lease reader = store_->readers()->Borrow();
      HT_ASSIGN_OR_RETURN(complete_to, reader->Revision());
      HT_ASSIGN_OR_RETURN(auto detections, reader->DetectionsAfter({}, written_, kPage));
      HT_ASSIGN_OR_RETURN(auto incidents, reader->IncidentsAfter({}, written_, kPage));
      for (const auto& change : detections) {
        HT_ASSIGN_OR_RETURN(lines[change.revision], Line("detection", change.value));
      }
      for (const auto& change : incidents) {
        HT_ASSIGN_OR_RETURN(lines[change.revision], Line("incident", change.value));
      }
      if (detections.size() == kPage) {
        complete_to = std::min(complete_to, detections.back().revision);
      }
      if (incidents.size() == kPage) complete_to = std::min(complete_to, incidents.back().revision);
    }
    std::string text;
    for (const auto& [revision, line] : lines) {
      if (revision <= complete_to) text += line;
    }
    HT_RETURN_IF_ERROR(WriteAll(file_.get(), text));
    if (complete_to == written_) return absl::OkStatus();
    HT_RETURN_IF_ERROR(outbox_->SaveCursor(kConsumer, complete_to));
    written_ = complete_to;
  }
}

}  // namespace hoptrail::collector::notify
