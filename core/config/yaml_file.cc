#include "core/config/yaml_file.h"

#include <cerrno>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "core/base/read_file.h"
#include "core/base/status_macros.h"
#include "core/config/message_filler.h"

namespace hoptrail::config {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

// YAML forbids control characters. yaml-cpp accepts them, and reads nothing after a \x04.
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

// Records the line at which each document starts; YAML::Load reads the contents later.
struct DocumentStarts : YAML::EventHandler {
  std::vector<int> lines;

  void OnDocumentStart(const YAML::Mark& mark) override { lines.push_back(mark.line + 1); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Checks that there is at most one document. Stops at the second: in a text such as ",f," yaml-cpp
// finds documents without end, and YAML::LoadAll never returns.
absl::Status CheckOneDocument(const std::string& text, const std::string& file) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (starts.lines.size() < 2 && parser.HandleNextDocument(starts)) {
  }
  if (starts.lines.size() < 2) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", starts.lines[1], ": a second document; only one is read"));
}

}  // namespace

absl::Status ParseYaml(absl::string_view text, absl::string_view name,
                       google::protobuf::Message* out, KeyPlaces* places) {
  out->Clear();
  const std::string file(name);
  KeyPlaces found(file);
  HT_RETURN_IF_ERROR(CheckCharacters(text, file));
  // yaml-cpp reports by exception, its own depth limit (YAML::DeepRecursion) included.
  try {
    const std::string owned(text);
    HT_RETURN_IF_ERROR(CheckOneDocument(owned, file));
    HT_RETURN_IF_ERROR(MessageFiller(file, &found).Fill(YAML::Load(owned), "", out));
    if (places != nullptr) *places = std::move(found);
    return absl::OkStatus();
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
    return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", error.msg));
  }
}

absl::Status LoadYaml(const std::string& path, google::protobuf::Message* out, KeyPlaces* places) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return ParseYaml(text, path, out, places);
}

}  // namespace hoptrail::config
