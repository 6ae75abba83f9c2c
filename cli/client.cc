#include "cli/client.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpcpp/grpcpp.h>

#include "core/base/status_macros.h"
#include <hoptrail/v1/detection.grpc.pb.h>
#include <hoptrail/v1/fleet.grpc.pb.h>
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::cli {
namespace {

constexpr std::chrono::seconds kDeadline(30);
constexpr int64_t kPageSize = 500;
constexpr int kMaxAnswerBytes = 64 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  constexpr size_t kMaxBytes = 1 << 20;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                       &std::fclose);
  if (file == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  std::string content(kMaxBytes + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("cannot read ", path));
  }
  if (content.empty() || content.size() > kMaxBytes) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is no PEM file"));
  }
  return content;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsFor(
    const Connection& connection) {
  if (connection.plain()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  HT_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(connection.ca_file));
  HT_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadFile(connection.certificate_file));
  HT_ASSIGN_OR_RETURN(options.pem_private_key, ReadFile(connection.key_file));
  return grpc::SslCredentials(options);
}

}  // namespace

struct Client::Stubs {
  std::string address;
  std::unique_ptr<v1::FleetService::Stub> fleet;
  std::unique_ptr<v1::GraphService::Stub> graph;
  std::unique_ptr<v1::DetectionService::Stub> detections;

  absl::Status ToStatus(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    std::string message = status.error_message();
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      message = absl::StrCat("no connection to the collector at ", address, ": ", message);
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

  // Every page up to `limit` entries as one answer. `size` counts an answer's entries.
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
      // A server that goes round in circles must not keep this going for ever.
      if (token == request.page_token() || empty) {
        return absl::InternalError("the collector's pages do not end");
      }
      request.set_page_token(token);
    }
  }
};

Client::Client(std::unique_ptr<Stubs> stubs) : stubs_(std::move(stubs)) {}
Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const Connection& connection) {
  HT_ASSIGN_OR_RETURN(auto credentials, CredentialsFor(connection));
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("hoptrail/" HOPTRAIL_VERSION);
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // So that a quiet watch notices when its collector's machine is gone. A server that is not told
  // otherwise takes pings more often than every five minutes for abuse.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 330'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  if (!connection.server_name.empty()) {
    arguments.SetSslTargetNameOverride(connection.server_name);
  }
  const auto channel = grpc::CreateCustomChannel(connection.address, credentials, arguments);
  auto stubs = std::make_unique<Stubs>();
  stubs->address = connection.address;
  stubs->fleet = v1::FleetService::NewStub(channel);
  stubs->graph = v1::GraphService::NewStub(channel);
  stubs->detections = v1::DetectionService::NewStub(channel);
  return std::unique_ptr<Client>(new Client(std::move(stubs)));
}

absl::StatusOr<v1::ListHostsResponse> Client::ListHosts(int64_t limit) {
  return stubs_->List(stubs_->fleet.get(), &v1::FleetService::Stub::ListHosts,
                      v1::ListHostsRequest(), limit, &v1::ListHostsResponse::hosts_size);
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
