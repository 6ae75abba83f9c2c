#ifndef HOPTRAIL_COLLECTOR_APP_COLLECTOR_FIXTURE_H_
#define HOPTRAIL_COLLECTOR_APP_COLLECTOR_FIXTURE_H_

// For tests: a complete collector in this process, called over real gRPC with real certificates.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "collector/app/collector.h"
#include "core/config/credentials.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/testing.h"

namespace hoptrail::collector::app {

using AgentStream = grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>;

// Runs a command that must succeed.
inline void Shell(const std::string& command) {
  ASSERT_EQ(std::system((command + " 2>/dev/null >/dev/null").c_str()), 0) << command;
}

// A session of TestHost() under the id that derives from it.
inline model::Session SessionNumber(uint32_t n) {
  model::Session session = wire::TestSession();
  session.first_process.tgid = n;
  session.id = model::DeriveSessionId(session.host, session.first_process);
  return session;
}

// A detection on SessionNumber(1).
inline model::Detection DetectionNumber(uint32_t n) {
  model::Detection detection = wire::TestDetection();
  const model::Session session = SessionNumber(1);
  detection.session = session.id;
  detection.session_process = session.first_process;
  detection.occurrence = absl::StrCat(n);
  detection.id = model::DeriveDetectionId(detection.rule, detection.session, detection.occurrence);
  detection.severity = n % 2 == 0 ? model::Severity::kLow : model::Severity::kHigh;
  return detection;
}

class CollectorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char directory[] = "/tmp/hoptrail-app-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    certificates_ = new std::string(directory);
    MakeAuthority("ca");
    MakeAuthority("other");
    const std::string agent =
        "spiffe://hoptrail/agent/" + model::ToString(wire::TestHost().machine);
    Issue("ca", "server", "spiffe://hoptrail/collector/one");
    Issue("ca", "agent", agent);
    Issue("ca", "named_agent", agent + ",URI:spiffe://hoptrail/host-name/web1");
    Issue("ca", "other_agent", "spiffe://hoptrail/agent/" + std::string(32, '7'));
    Issue("ca", "reader", "spiffe://hoptrail/reader/rita");
    Issue("ca", "operator", "spiffe://hoptrail/operator/olga");
    Issue("ca", "nobody", "spiffe://elsewhere/operator/mallory");
    Issue("other", "forged", "spiffe://hoptrail/operator/mallory");
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(*certificates_);
    delete certificates_;
  }
  static void MakeAuthority(const std::string& name) {
    const std::string base = *certificates_ + "/" + name;
    Shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + base + ".key -out " + base + ".pem");
  }
  static void Issue(const std::string& authority, const std::string& name, const std::string& uri) {
    const std::string base = *certificates_ + "/" + name;
    const std::string ca = *certificates_ + "/" + authority;
    { std::ofstream(base + ".ext") << "subjectAltName=DNS:localhost,URI:" << uri << "\n"; }
    Shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
          " -keyout " + base + ".key -out " + base + ".csr");
    Shell("openssl x509 -req -days 2 -in " + base + ".csr -CA " + ca + ".pem -CAkey " + ca +
          ".key -CAcreateserial -extfile " + base + ".ext -out " + base + ".pem");
  }

  void SetUp() override {
    char directory[] = "/tmp/hoptrail-app-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    port_ = 20000 + static_cast<int>(getpid() % 20000);
    Start();
  }
  void TearDown() override {
    collector_.reset();
    std::filesystem::remove_all(directory_);
  }
  virtual std::string Config() const {
    return absl::StrCat("listen:\n- address: localhost:", port_,
                        "\n  tls:\n    ca_file: ", *certificates_,
                        "/ca.pem\n    certificate_file: ", *certificates_,
                        "/server.pem\n    key_file: ", *certificates_, "/server.key\n",
                        "- address: unix:", directory_, "/c.sock\nstore: {path: ", directory_,
                        "/state/c.db, retention_days: 3650}\n");
  }
  absl::StatusOr<Options> Load(const std::string& text) {
    const std::string path = directory_ + "/c.yaml";
    { std::ofstream(path) << text; }
    return LoadOptions(path);
  }
  void Start() {
    auto options = Load(Config());
    ASSERT_TRUE(options.ok()) << options.status();
    ASSERT_TRUE(CheckFiles(*options).ok()) << CheckFiles(*options);
    for (int i = 0; i < 50; ++i) {
      auto collector = Collector::Start(*options);
      if (collector.ok()) {
        collector_ = *std::move(collector);
        return;
      }
      ASSERT_THAT(std::string(collector.status().message()), ::testing::HasSubstr("in use"));
      ++port_;
      options = Load(Config());
    }
    FAIL() << "no free port";
  }
  void Restart() {
    collector_.reset();
    Start();
  }

  std::shared_ptr<grpc::Channel> Local() {
    return OpenChannel("unix:" + directory_ + "/c.sock", "");
  }
  std::shared_ptr<grpc::Channel> As(const std::string& name, const std::string& authority = "ca") {
    return OpenChannel(absl::StrCat("localhost:", port_), name, authority);
  }
  std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const std::string& name,
                                             const std::string& authority = "ca") {
    v1::CollectorAddress collector;
    collector.set_address(address);
    if (!name.empty()) {
      const std::string base = *certificates_ + "/";
      collector.mutable_tls()->set_ca_file(base + authority + ".pem");
      collector.mutable_tls()->set_certificate_file(base + name + ".pem");
      collector.mutable_tls()->set_key_file(base + name + ".key");
    }
    auto channel = config::OpenChannel(collector, grpc::ChannelArguments());
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }

  // An agent's stream.
  struct Agent {
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
    std::unique_ptr<v1::SensorService::Stub> stub;
    std::unique_ptr<AgentStream> stream;
    uint64_t welcome = 0;
    bool welcomed = false;

    bool Hello(const model::HostId& host) {
      v1::AgentMessage message;
      message.mutable_hello()->set_host(wire::ResourceName(host));
      message.mutable_hello()->set_host_name("gw");
      stream->Write(message);
      v1::CollectorMessage answer;
      welcomed = stream->Read(&answer) && answer.has_welcome();
      welcome = answer.welcome().acknowledged_sequence();
      return welcomed;
    }
    void Send(const std::vector<std::pair<uint64_t, model::Fact>>& facts) {
      v1::AgentMessage message;
      message.mutable_batch();
      for (const auto& [sequence, fact] : facts) {
        *message.mutable_batch()->add_records() = wire::ToRecord(sequence, fact);
      }
      stream->Write(message);
    }
    // Reads until `sequence` is acknowledged. False: the stream ended before.
    bool Acknowledged(uint64_t sequence) {
      v1::CollectorMessage answer;
      while (stream->Read(&answer)) {
        if (answer.has_acknowledgement() && answer.acknowledgement().sequence() >= sequence) {
          return true;
        }
      }
      return false;
    }
    grpc::Status End() {
      v1::CollectorMessage answer;
      while (stream->Read(&answer)) {
      }
      return stream->Finish();
    }
  };
  Agent Connect(std::shared_ptr<grpc::Channel> channel) {
    Agent agent;
    agent.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    agent.stub = v1::SensorService::NewStub(channel);
    agent.stream = agent.stub->Connect(agent.context.get());
    return agent;
  }
  void Deliver(const std::vector<std::pair<uint64_t, model::Fact>>& facts) {
    Agent agent = Connect(Local());
    ASSERT_TRUE(agent.Hello(wire::TestHost()));
    agent.Send(facts);
    ASSERT_TRUE(agent.Acknowledged(facts.back().first));
    agent.stream->WritesDone();
    EXPECT_TRUE(agent.End().ok());
  }
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(const std::unique_ptr<Stub>& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return (stub.get()->*method)(&context, request, response);
  }

  inline static std::string* certificates_ = nullptr;
  std::string directory_;
  int port_ = 0;
  std::unique_ptr<Collector> collector_;
};

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_COLLECTOR_FIXTURE_H_
