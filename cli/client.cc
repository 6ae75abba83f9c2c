#include "cli/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "core/base/status_macros.h"
#include "core/config/credentials.h"
#include "core/config/library_logs.h"
#include "core/config/tls_probe.h"
#include <hoptrail/v1/detection.grpc.pb.h>
#include <hoptrail/v1/fleet.grpc.pb.h>
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::cli {
namespace {

constexpr std::chrono::seconds kDeadline(30);
constexpr std::chrono::seconds kHealthDeadline(5);
constexpr absl::Duration kProbeWithin = absl::Seconds(3);
constexpr int64_t kPageSize = 500;
constexpr int kMaxAnswerBytes = 64 << 20;

// grpc.health.v1.HealthCheckResponse.ServingStatus
constexpr uint64_t kNotServing = 2;

// Asks grpc.health.v1.Health about a service, or about the whole server where the name is empty.
// Its messages have one field each, number 1: the request the name, like StringValue, and the
// answer the status.
absl::StatusOr<uint64_t> ServingStatus(const std::shared_ptr<grpc::Channel>& channel,
                                       const std::string& service) {
  using google::protobuf::Empty;
  using google::protobuf::StringValue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kHealthDeadline);
  grpc::TemplatedGenericStub<StringValue, Empty> stub(channel);
  StringValue name;
  name.set_value(service);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", name, &queue);
  call->StartCall();
  Empty answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  const auto& fields = answer.GetReflection()->GetUnknownFields(answer);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == 1 && field.type() == google::protobuf::UnknownField::TYPE_VARINT) {
      return field.varint();
    }
  }
  return uint64_t{0};
}

// Returns the end of "failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.1:7443:
// Failed to connect to remote host: Connection refused"; the whole message where it has another
// form.
std::string ReasonIn(absl::string_view message) {
  for (absl::string_view before : {"last error: ", "Failed to connect to remote host: "}) {
    const size_t at = message.rfind(before);
    if (at != absl::string_view::npos) message.remove_prefix(at + before.size());
  }
  for (absl::string_view scheme : {"UNKNOWN: unix:", "UNKNOWN: ipv4:", "UNKNOWN: ipv6:"}) {
    const size_t end = message.find(": ", scheme.size());
    if (absl::StartsWith(message, scheme) && end != absl::string_view::npos) {
      message.remove_prefix(end + 2);
    }
  }
  return std::string(message);
}

}  // namespace

struct Client::Stubs {
  v1::CollectorAddress collector;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::FleetService::Stub> fleet;
  std::unique_ptr<v1::GraphService::Stub> graph;
  std::unique_ptr<v1::DetectionService::Stub> detections;

  absl::Status ToStatus(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    std::string message = status.error_message();
    // Where the connection is established, the collector itself answered UNAVAILABLE.
    const bool connected = channel->GetState(false) == GRPC_CHANNEL_READY;
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && !connected) {
      // gRPC's message does not say which certificate is wrong, or why.
      const std::string why = config::WhyNoTls(collector, kProbeWithin);
      message = absl::StrCat("no connection to the collector at ", collector.address(), ": ",
                             why.empty() ? ReasonIn(message) : why);
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), message);
  }

  // One call: Method(&context, request, &response) of `stub`.
  template <typename Response, typename Stub, typename Request>
  absl::StatusOr<Response> Call(Stub* stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    Response response;
    HT_RETURN_IF_ERROR(ToStatus((stub->*method)(&context, request, &response)));
    return response;
  }

  // Reads all pages, up to `limit` entries, into one answer. `size` counts an answer's entries.
  template <typename Response, typename Stub, typename Request>
  absl::StatusOr<Response> List(
      Stub* stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      Request request, int64_t limit, int (Response::*size)() const) const {
    Response all;
    while (true) {
      const int64_t have = (all.*size)();
      request.set_page_size(
          static_cast<int>(limit == 0 ? kPageSize : std::min(kPageSize, limit - have)));
      HT_ASSIGN_OR_RETURN(Response page, Call(stub, method, request));
      const std::string token = page.next_page_token();
      const bool empty = (page.*size)() == 0;
      all.MergeFrom(page);
      all.set_next_page_token(token);
      if (token.empty() || (limit > 0 && (all.*size)() >= limit)) return all;
      // A server whose pages repeat must not make this loop endless.
      if (token == request.page_token() || empty) {
        return absl::InternalError("the collector's pages do not end");
      }
      request.set_page_token(token);
    }
  }
};

Client::Client(std::unique_ptr<Stubs> stubs) : stubs_(std::move(stubs)) {}
Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const v1::CollectorAddress& collector) {
  config::SetLibraryLogSink(nullptr);
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("hoptrail/" HOPTRAIL_VERSION);
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // So that a quiet watch notices that its collector's machine is gone. By default, gRPC servers
  // treat pings more often than every five minutes as abuse.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 330'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  auto stubs = std::make_unique<Stubs>();
  stubs->collector = collector;
  HT_ASSIGN_OR_RETURN(stubs->channel, config::OpenChannel(collector, arguments));
  stubs->fleet = v1::FleetService::NewStub(stubs->channel);
  stubs->graph = v1::GraphService::NewStub(stubs->channel);
  stubs->detections = v1::DetectionService::NewStub(stubs->channel);
  return std::unique_ptr<Client>(new Client(std::move(stubs)));
}

absl::StatusOr<Client::Health> Client::GetHealth() {
  v1::ListHostsRequest request;
  request.set_page_size(1);
  const auto hosts = stubs_->Call<v1::ListHostsResponse>(
      stubs_->fleet.get(), &v1::FleetService::Stub::ListHosts, request);
  if (absl::IsUnavailable(hosts.status())) return hosts.status();
  Health health;
  health.query = hosts.status();
  if (!hosts.ok()) {
    health.trouble =
        absl::StrCat("the collector does not answer a query: ", hosts.status().message());
  } else if (hosts->has_store_trouble()) {
    const std::string& detail = hosts->store_trouble().detail();
    health.trouble = absl::StrCat("the collector cannot write its store, and takes in nothing new",
                                  detail.empty() ? "" : ": ", detail);
  }
  const absl::StatusOr<uint64_t> all = ServingStatus(stubs_->channel, "");
  if (!all.ok() && health.trouble.empty()) {
    health.trouble =
        absl::StrCat("the collector's health service does not answer: ", all.status().message());
  }
  if (!all.ok() || *all != kNotServing) return health;
  // The reading services may still serve.
  const absl::StatusOr<uint64_t> reading =
      ServingStatus(stubs_->channel, v1::DetectionService::service_full_name());
  health.reading = reading.ok() && *reading != kNotServing;
  if (health.trouble.empty()) {
    health.trouble = health.reading ? "the collector serves only what was stored before"
                                    : "the collector makes no progress";
  }
  return health;
}

absl::StatusOr<v1::ListHostsResponse> Client::ListHosts(int64_t limit) {
  return stubs_->List(stubs_->fleet.get(), &v1::FleetService::Stub::ListHosts,
                      v1::ListHostsRequest(), limit, &v1::ListHostsResponse::hosts_size);
}

absl::StatusOr<v1::Host> Client::GetHost(const std::string& name) {
  v1::GetHostRequest request;
  request.set_name(name);
  return stubs_->Call<v1::Host>(stubs_->fleet.get(), &v1::FleetService::Stub::GetHost, request);
}

absl::Status Client::RemoveHost(const std::string& name) {
  v1::RemoveHostRequest request;
  request.set_name(name);
  return stubs_
      ->Call<v1::RemoveHostResponse>(stubs_->fleet.get(), &v1::FleetService::Stub::RemoveHost,
                                     request)
      .status();
}

absl::StatusOr<v1::ListSessionsResponse> Client::ListSessions(const std::string& filter,
                                                              int64_t limit) {
  v1::ListSessionsRequest request;
  request.set_filter(filter);
  return stubs_->List(stubs_->graph.get(), &v1::GraphService::Stub::ListSessions, request, limit,
                      &v1::ListSessionsResponse::sessions_size);
}

absl::StatusOr<v1::ListDetectionsResponse> Client::ListDetections(int64_t limit) {
  return stubs_->List(stubs_->detections.get(), &v1::DetectionService::Stub::ListDetections,
                      v1::ListDetectionsRequest(), limit,
                      &v1::ListDetectionsResponse::detections_size);
}

absl::StatusOr<v1::ListIncidentsResponse> Client::ListIncidents(const std::string& filter,
                                                                int64_t limit) {
  v1::ListIncidentsRequest request;
  request.set_filter(filter);
  return stubs_->List(stubs_->detections.get(), &v1::DetectionService::Stub::ListIncidents, request,
                      limit, &v1::ListIncidentsResponse::incidents_size);
}

absl::StatusOr<v1::Detection> Client::GetDetection(const std::string& name) {
  v1::GetDetectionRequest request;
  request.set_name(name);
  return stubs_->Call(stubs_->detections.get(), &v1::DetectionService::Stub::GetDetection, request);
}

absl::StatusOr<v1::Incident> Client::GetIncident(const std::string& name) {
  v1::GetIncidentRequest request;
  request.set_name(name);
  return stubs_->Call(stubs_->detections.get(), &v1::DetectionService::Stub::GetIncident, request);
}

absl::StatusOr<v1::Path> Client::GetPath(const std::string& name) {
  v1::GetPathRequest request;
  request.set_name(name);
  return stubs_->Call(stubs_->graph.get(), &v1::GraphService::Stub::GetPath, request);
}

absl::StatusOr<v1::Incident> Client::Acknowledge(const std::string& name) {
  v1::AcknowledgeIncidentRequest request;
  request.set_name(name);
  return stubs_->Call(stubs_->detections.get(), &v1::DetectionService::Stub::AcknowledgeIncident,
                      request);
}

absl::StatusOr<v1::Incident> Client::Resolve(const std::string& name) {
  v1::ResolveIncidentRequest request;
  request.set_name(name);
  return stubs_->Call(stubs_->detections.get(), &v1::DetectionService::Stub::ResolveIncident,
                      request);
}

absl::Status Client::WatchDetections(
    const std::string& resume_token,
    absl::FunctionRef<void(const v1::WatchDetectionsResponse&)> each) {
  v1::WatchDetectionsRequest request;
  request.set_resume_token(resume_token);
  grpc::ClientContext context;
  const auto reader = stubs_->detections->WatchDetections(&context, request);
  v1::WatchDetectionsResponse response;
  while (reader->Read(&response)) each(response);
  return stubs_->ToStatus(reader->Finish());
}

}  // namespace hoptrail::cli
