#include <fstream>
#include <string>
#include <vector>

#include "collector/notify/conformance/notifier_suite.h"
#include "collector/notify/pagerduty/pagerduty_fixture.h"

namespace hoptrail::collector::notify {
namespace {

class PagerDutyHarness final : public NotifierHarness {
 public:
  explicit PagerDutyHarness(const std::string& directory) : key_file_(directory + "/key") {
    std::ofstream(key_file_) << kKey << "\n";
  }
  absl::StatusOr<std::unique_ptr<Notifier>> Make(store::Store* store, const Clock* clock) override {
    PagerDuty::Options options;
    options.endpoint = server_.url();
    options.routing_key = kKey;
    options.clock = clock;
    auto path_of = [](const model::SessionId& id) -> absl::StatusOr<engine::Path> {
      engine::Path path;
      path.steps.push_back({.session = id});
      return path;
    };
    absl::StatusOr<std::unique_ptr<PagerDuty>> pager = PagerDuty::Create(store, path_of, options);
    if (!pager.ok()) return pager.status();
    return std::unique_ptr<Notifier>(*std::move(pager));
  }
  void Refuse(bool refuse) override { server_.AnswerAllWith("", refuse ? 503 : 0, "down"); }
  std::vector<std::string> Arrived() override { return TitlesAt(&server_); }
  std::vector<std::string> ArrivedAtOther() override { return TitlesAt(&other_); }
  v1::CollectorConfig OtherConfig() override { return Config(other_.url()); }
  v1::CollectorConfig BadConfig() override { return Config("no address"); }

 private:
  v1::CollectorConfig Config(const std::string& endpoint) const {
    v1::CollectorConfig config;
    config.mutable_pagerduty()->set_endpoint(endpoint);
    config.mutable_pagerduty()->set_routing_key_file(key_file_);
    return config;
  }
  static std::vector<std::string> TitlesAt(FakeHttpServer* server) {
    std::vector<std::string> titles;
    for (const std::string& body : server->accepted()) {
      const auto event = ParseJson(body);
      titles.push_back(
          event.fields().at("payload").struct_value().fields().at("summary").string_value());
    }
    return titles;
  }

  const std::string key_file_;
  FakeHttpServer server_, other_;
};

INSTANTIATE_TEST_SUITE_P(PagerDuty, NotifierSuite,
                         testing::Values(HarnessMaker([](const std::string& directory) {
                           return std::make_unique<PagerDutyHarness>(directory);
                         })));

}  // namespace
}  // namespace hoptrail::collector::notify
