#include "core/config/yaml_file.h"

#include <fcntl.h>

#include <cerrno>
#include <sstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <yaml-cpp/yaml.h>

#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"
#include "core/config/message_filler.h"

namespace hoptrail::config {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  // Not blocking, so that a FIFO in the file's place cannot hang the start.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  std::string text;
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, path);
    if (count == 0) return text;
    text.append(buffer.data(), count);
    if (text.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": larger than ", kMaxFileBytes, " bytes"));
    }
  }
}

// YAML forbids control characters. yaml-cpp takes them and does not always end: ",\0s" keeps it
// busy for ever, and what follows a \x04 it never reads.
absl::Status CheckCharacters(absl::string_view text, const std::string& file) {
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\n' && c != '\r' && c != '\t') {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", line, ": a control character; the file must be UTF-8 text"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseYaml(absl::string_view text, absl::string_view name,
                       google::protobuf::Message* out) {
  out->Clear();
  const std::string file(name);
  HT_RETURN_IF_ERROR(CheckCharacters(text, file));
  // yaml-cpp reports by exception, its own depth limit (YAML::DeepRecursion) included.
  try {
    std::istringstream stream{std::string(text)};
    const std::vector<YAML::Node> documents = YAML::LoadAll(stream);
    if (documents.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": holds more than one document"));
    }
    return MessageFiller(file).Fill(documents.empty() ? YAML::Node() : documents[0], "", out);
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
    return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", error.msg));
  }
}

absl::Status LoadYaml(const std::string& path, google::protobuf::Message* out) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadWhole(path));
  return ParseYaml(text, path, out);
}

}  // namespace hoptrail::config
