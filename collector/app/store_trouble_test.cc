// While the store cannot be written, every answer says so.

#include <chrono>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "collector/app/collector_fixture.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::app {
namespace {

using ::testing::HasSubstr;
using Stub = v1::DetectionService::Stub;

class StoreTroubleTest : public CollectorTest {
 protected:
  void SetUp() override {
    CollectorTest::SetUp();
    Deliver({{1, SessionNumber(1)}, {2, DetectionNumber(1)}});
    auto database = sqlite::Database::Open({.path = directory_ + "/state/c.db"});
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    stub_ = v1::DetectionService::NewStub(Local());
  }
  // From now on the store refuses an agent's facts, as on a full disk.
  void Fail() {
    ASSERT_TRUE(database_
                    .Execute("CREATE TRIGGER no BEFORE INSERT ON detections BEGIN SELECT"
                             " RAISE(ABORT, 'disk full'); END; CREATE TRIGGER nor BEFORE INSERT ON"
                             " meta BEGIN SELECT RAISE(ABORT, 'disk full'); END")
                    .ok());
  }
  void Repair() { ASSERT_TRUE(database_.Execute("DROP TRIGGER no; DROP TRIGGER nor").ok()); }
  v1::ListDetectionsResponse List() {
    v1::ListDetectionsResponse response;
    EXPECT_TRUE(Call(stub_, &Stub::ListDetections, v1::ListDetectionsRequest(), &response).ok());
    return response;
  }
  template <typename Condition>
  bool Becomes(Condition condition) {
    for (int i = 0; i < 200; ++i) {
      if (condition()) return true;
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  }
  // The number of grpc.health.v1.HealthCheckResponse.ServingStatus: 1 SERVING, 2 NOT_SERVING.
  int Health(const std::string& service) {
    grpc::GenericStub stub(Local());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    grpc::Slice request("\x0a" + std::string(1, static_cast<char>(service.size())) + service);
    grpc::ByteBuffer message(&request, 1);
    auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", message, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag;
    bool ok;
    EXPECT_TRUE(queue.Next(&tag, &ok) && ok && status.ok()) << status.error_message();
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(answer.Dump(&slices).ok());
    if (slices.empty() || slices[0].size() != 2) return 0;
    return slices[0].begin()[1];
  }

  sqlite::Database database_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(StoreTroubleTest, StoreThatCannotBeWritten_IsReportedInEveryAnswer) {
  EXPECT_EQ(List().detections_size(), 1);
  EXPECT_FALSE(List().has_store_trouble());
  grpc::ClientContext before;
  auto watch = stub_->WatchDetections(&before, v1::WatchDetectionsRequest());
  watch->WaitForInitialMetadata();
  Fail();
  Agent agent = Connect(Local());
  ASSERT_TRUE(agent.Hello(wire::TestHost()));
  agent.Send({{3, DetectionNumber(3)}});
  ASSERT_TRUE(Becomes([this] { return List().has_store_trouble(); }));
  EXPECT_EQ(List().detections_size(), 1) << "what can be read is answered";
  EXPECT_THAT(List().store_trouble().detail(), HasSubstr("disk full"));
  EXPECT_TRUE(List().store_trouble().has_since_time());

  v1::WatchDetectionsResponse change;
  EXPECT_FALSE(watch->Read(&change));
  const grpc::Status ended = watch->Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(ended.error_message(), HasSubstr("cannot be written"));

  v1::ListHostsResponse hosts;
  auto fleet = v1::FleetService::NewStub(Local());
  ASSERT_TRUE(Call(fleet, &v1::FleetService::Stub::ListHosts, v1::ListHostsRequest(), &hosts).ok());
  ASSERT_EQ(hosts.hosts(0).degradations_size(), 1);
  EXPECT_EQ(hosts.hosts(0).degradations(0).kind(), v1::COLLECTOR_STORE_READ_ONLY);

  v1::ListIncidentsResponse incidents;
  ASSERT_TRUE(Call(stub_, &Stub::ListIncidents, v1::ListIncidentsRequest(), &incidents).ok());
  ASSERT_EQ(incidents.incidents_size(), 1);
  EXPECT_TRUE(incidents.has_store_trouble());
  ASSERT_EQ(incidents.incidents(0).degraded_hosts_size(), 1);
  EXPECT_EQ(incidents.incidents(0).degraded_hosts(0).degradations(0).kind(),
            v1::COLLECTOR_STORE_READ_ONLY);

  // The engine waits for its disk, and still answers with paths.
  v1::Path path;
  v1::GetPathRequest path_request;
  path_request.set_name(incidents.incidents(0).name());
  auto graph = v1::GraphService::NewStub(Local());
  ASSERT_TRUE(Call(graph, &v1::GraphService::Stub::GetPath, path_request, &path).ok());
  EXPECT_EQ(path.steps_size(), 1);

  v1::Incident incident;
  v1::GetIncidentRequest unknown;
  unknown.set_name("incidents/abcdef");
  grpc::Status status = Call(stub_, &Stub::GetIncident, unknown, &incident);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("disk full"));
  v1::ResolveIncidentRequest resolve;
  resolve.set_name(incidents.incidents(0).name());
  const absl::Time asked = absl::Now();
  status = Call(stub_, &Stub::ResolveIncident, resolve, &incident);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("disk full"));
  EXPECT_LT(absl::Now() - asked, absl::Seconds(5));

  collector_->UpdateHealth();
  EXPECT_EQ(Health(""), 2);
  EXPECT_EQ(Health("hoptrail.v1.SensorService"), 2);
  EXPECT_EQ(Health("hoptrail.v1.DetectionService"), 1);

  Repair();
  EXPECT_TRUE(agent.Acknowledged(3));
  EXPECT_FALSE(List().has_store_trouble());
  EXPECT_EQ(List().detections_size(), 2);
  collector_->UpdateHealth();
  EXPECT_EQ(Health(""), 1);
  EXPECT_EQ(Health("hoptrail.v1.SensorService"), 1);
}

}  // namespace
}  // namespace hoptrail::collector::app
