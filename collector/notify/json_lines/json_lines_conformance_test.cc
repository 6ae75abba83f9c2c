#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <google/protobuf/util/json_util.h>

#include "collector/notify/conformance/notifier_suite.h"
#include "collector/notify/json_lines/json_lines.h"
#include <hoptrail/v1/detection.pb.h>

namespace hoptrail::collector::notify {
namespace {

// A file behind a symbolic link. While the receiver refuses, the link leads to a full device.
class JsonLinesHarness final : public NotifierHarness {
 public:
  explicit JsonLinesHarness(const std::string& directory)
      : link_(directory + "/out.jsonl"),
        file_(directory + "/file.jsonl"),
        other_(directory + "/other.jsonl") {
    std::filesystem::create_symlink(file_, link_);
  }
  absl::StatusOr<std::unique_ptr<Notifier>> Make(store::Store* store, const Clock*) override {
    absl::StatusOr<std::unique_ptr<JsonLines>> lines = JsonLines::Create(store, link_);
    if (!lines.ok()) return lines.status();
    lines_ = lines->get();
    return std::unique_ptr<Notifier>(*std::move(lines));
  }
  void Refuse(bool refuse) override {
    std::filesystem::remove(link_);
    std::filesystem::create_symlink(refuse ? "/dev/full" : file_, link_);
    lines_->Reopen();
  }
  std::vector<std::string> Arrived() override { return TitlesIn(file_); }
  std::vector<std::string> ArrivedAtOther() override { return TitlesIn(other_); }
  v1::CollectorConfig OtherConfig() override { return Config(other_); }
  v1::CollectorConfig BadConfig() override { return Config("/no/such/directory/out.jsonl"); }

 private:
  static v1::CollectorConfig Config(const std::string& target) {
    v1::CollectorConfig config;
    config.set_json_output(target);
    return config;
  }
  static std::vector<std::string> TitlesIn(const std::string& path) {
    constexpr char kHead[] = "{\"incident\":";
    std::vector<std::string> titles;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.rfind(kHead, 0) != 0) continue;
      line = line.substr(sizeof(kHead) - 1, line.size() - sizeof(kHead));
      v1::Incident incident;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &incident).ok()) << line;
      titles.push_back(incident.title());
    }
    return titles;
  }

  const std::string link_, file_, other_;
  JsonLines* lines_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(JsonLines, NotifierSuite,
                         testing::Values(HarnessMaker([](const std::string& directory) {
                           return std::make_unique<JsonLinesHarness>(directory);
                         })));

}  // namespace
}  // namespace hoptrail::collector::notify
