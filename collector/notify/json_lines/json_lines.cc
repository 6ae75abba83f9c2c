#include "collector/notify/json_lines/json_lines.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include <google/protobuf/util/json_util.h>

#include "collector/api/message_reader.h"
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
  // Standard output may be a terminal, so control characters are escaped.
  return absl::StrCat("{\"", kind, "\":", PrintableJson(json), "}\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonLines>> JsonLines::Create(store::Store* store,
                                                             const std::string& target) {
  HT_ASSIGN_OR_RETURN(LineFile file, LineFile::Open(target));
  HT_ASSIGN_OR_RETURN(std::unique_ptr<store::Outbox> outbox, store->OpenOutbox());
  HT_ASSIGN_OR_RETURN(std::optional<int64_t> written, outbox->LoadCursor(kConsumer));
  if (!written) {
    written = store->changes()->revision();
    HT_RETURN_IF_ERROR(outbox->SaveCursor(kConsumer, *written));
  }
  return std::unique_ptr<JsonLines>(
      new JsonLines(store, std::move(outbox), target, std::move(file), *written));
}

JsonLines::JsonLines(store::Store* store, std::unique_ptr<store::Outbox> outbox,
                     const std::string& target, LineFile file, int64_t written)
    : store_(store),
      outbox_(std::move(outbox)),
      file_(std::move(file)),
      written_(written),
      saved_(written),
      trouble_("json_output", &Clock::System()),
      target_(target) {}

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
    const absl::Status status = WriteNew();
    trouble_.Note(status);
    store_->changes()->WaitAbove(status.ok() ? written_ : store_->changes()->revision(), kPoll);
  }
}

absl::Status JsonLines::Reconfigure(const v1::CollectorConfig& config) {
  return Open(config.json_output());
}

void JsonLines::Reopen() {
  std::string target;
  {
    MutexLock lock(&mutex_);
    target = target_;
  }
  const absl::Status status = Open(target);
  if (!status.ok()) LogError("json_output", "goes on in the old file: ", status.ToString());
}

absl::Status JsonLines::Open(const std::string& target) {
  HT_ASSIGN_OR_RETURN(LineFile file, LineFile::Open(target));
  LogInfo("json_output", "opened ", target);
  MutexLock lock(&mutex_);
  target_ = target;
  next_file_ = std::move(file);
  return absl::OkStatus();
}

// Switches to a reopened file before the next line.
void JsonLines::TakeNextFile() {
  MutexLock lock(&mutex_);
  if (!next_file_.has_value()) return;
  file_ = *std::move(next_file_);
  next_file_.reset();
}

absl::StatusOr<bool> JsonLines::Deliver() {
  const int64_t before = written_;
  HT_RETURN_IF_ERROR(WriteNew());
  return written_ != before;
}

absl::Status JsonLines::WriteNew() {
  TakeNextFile();
  while (true) {
    std::map<int64_t, std::string> lines;
    int64_t complete_to;  // `lines` has every change up to this revision
    {
      api::MessageReader reader(store_->BorrowReader());
      HT_ASSIGN_OR_RETURN(complete_to, reader.Revision());
      HT_ASSIGN_OR_RETURN(auto detections, reader.DetectionsAfter({}, written_, kPage));
      HT_ASSIGN_OR_RETURN(auto incidents, reader.IncidentsAfter({}, written_, kPage));
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
    HT_RETURN_IF_ERROR(file_.Append(std::move(text)));
    const bool last = complete_to == written_;
    // Even where the store cannot save it, so that no line is written twice.
    written_ = complete_to;
    if (saved_ != written_) {
      HT_RETURN_IF_ERROR(outbox_->SaveCursor(kConsumer, written_));
      saved_ = written_;
    }
    if (last) return absl::OkStatus();
  }
}

}  // namespace hoptrail::collector::notify
